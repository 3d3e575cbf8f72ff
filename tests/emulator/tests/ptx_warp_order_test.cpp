// The lanes of a warp go on in any order that their __syncwarps allow: with a seed the order is random, and what two
// lanes do to one byte of shared memory without having met is a race under every seed.
#include <numeric>
#include <set>

#include "tests/emulator/tests/ptx_program.h"

namespace drift::emulator::ptx {
namespace {

// Lane t has the address of word t of shared memory in %r7, that of word t ^ 1 in %r8, and of the first in %r5. All are
// zero.
PtxProgram on_words(const std::string& text) {
  return program(R"(.shared .align 4 .b8 buffer[128]; mov.u32 %r5, buffer; shl.b32 %r6, %r1, 2; add.u32 %r7, %r5, %r6;
                    xor.b32 %r8, %r6, 4; add.u32 %r8, %r5, %r8; st.shared.u32 [%r7], 0; bar.sync 0; )" +
                 text);
}

// The error under seeds 0 to 9, which must be the same kind under each.
std::string error_of(const std::string& text) {
  std::string error;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    PtxProgram seeded = on_words(text);
    seeded.options.seed = seed;
    const std::string found = seeded.error();
    EXPECT_TRUE(seed == 0 || found.empty() == error.empty()) << "seed " << seed << ": " << found << error;
    error = found;
  }
  return error;
}

const std::string kExchanged = "st.shared.u32 [%r7], %r1; bar.warp.sync -1; ld.shared.u32 %r9, [%r8];";

TEST(PtxLaneRaces, WhatAnotherLaneWroteMayBeReadOnceBothHaveMet) {
  EXPECT_EQ(error_of(kExchanged), "");
  const std::string error = error_of("st.shared.u32 [%r7], %r1; ld.shared.u32 %r9, [%r8];");
  EXPECT_TRUE(contains(error, "shared-memory race: read"));
  EXPECT_TRUE(contains(error, "of the same warp, and no __syncwarp lies between"));
  EXPECT_EQ(error_of("st.shared.u32 [%r7], %r1; ld.shared.u32 %r9, [%r7]; st.shared.u32 [%r7], %r9;"), "");
}

TEST(PtxLaneRaces, AShuffleOrdersNoMemory) {
  EXPECT_TRUE(contains(error_of("st.shared.u32 [%r7], %r1; shfl.sync.bfly.b32 %r9, %r1, 1, 31, -1; "
                                "ld.shared.u32 %r9, [%r8];"),
                       "no __syncwarp"));
}

TEST(PtxLaneRaces, WhatAnotherLaneReadMayNotBeOverwritten) {
  EXPECT_TRUE(contains(error_of(kExchanged + "st.shared.u32 [%r7], %r9;"), "shared-memory race: write"));
  EXPECT_EQ(error_of(kExchanged + "bar.warp.sync -1; st.shared.u32 [%r7], %r9;"), "");
  // Lane 31 reads last what all have read, and writes it.
  const std::string all_read = "ld.shared.u32 %r9, [%r5]; setp.eq.u32 %p1, %r1, 31; ";
  const std::string first = "setp.eq.u32 %p2, %r1, 0; @%p2 st.shared.u32 [%r5], 1; bar.warp.sync -1; ";
  EXPECT_TRUE(contains(error_of(first + all_read + "@%p1 st.shared.u32 [%r5], 2;"), "shared-memory race: write"));
  EXPECT_EQ(error_of(first + all_read + "bar.warp.sync -1; @%p1 st.shared.u32 [%r5], 2;"), "");
}

TEST(PtxLaneRaces, LanesThatMeetInPartsAreOrderedInParts) {
  const std::string half = "setp.lt.u32 %p1, %r1, 16; selp.u32 %r10, 0xffff, 0xffff0000, %p1; ";
  const std::string write = half + "st.shared.u32 [%r7], %r1; bar.warp.sync %r10; ";
  EXPECT_EQ(error_of(write + "ld.shared.u32 %r9, [%r8];"), "");
  const std::string across = "xor.b32 %r8, %r6, 64; add.u32 %r8, %r5, %r8; ";
  EXPECT_TRUE(contains(error_of(write + across + "ld.shared.u32 %r9, [%r8];"), "no __syncwarp"));
  // 0 meets 16 after 16 has met 31: so 0 has met 31 too.
  const std::string chain =
      "setp.eq.u32 %p2, %r1, 0; setp.eq.u32 %p3, %r1, 16; or.pred %p4, %p2, %p3; "
      "@%p4 bar.warp.sync 0x10001; @%p2 ld.shared.u32 %r9, [%r5+124];";
  EXPECT_EQ(error_of(write + chain), "");
  EXPECT_TRUE(contains(error_of("st.shared.u32 [%r7], %r1; " + chain), "no __syncwarp"));
}

TEST(PtxLaneRaces, LanesMayWriteOneValueToOnePlace) {
  EXPECT_EQ(error_of("st.shared.u32 [%r5], 7;"), "");
  EXPECT_TRUE(contains(error_of("st.shared.u32 [%r5], %r1;"), "shared-memory race: write"));
  const std::string first = "setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [%r5], 7; setp.eq.u32 %p2, %r1, 1; ";
  EXPECT_EQ(error_of(first + "@%p2 st.shared.u32 [%r5], 7;"), "");
  EXPECT_TRUE(contains(error_of(first + "@%p2 st.shared.u32 [%r5], 8;"), "shared-memory race: write"));
  EXPECT_EQ(error_of("red.shared.add.u32 [%r5], %r1; red.shared.add.u32 [%r5], 1;"), "");
}

TEST(PtxLaneRaces, AreFoundByTheByte) {
  const std::string halves = "shl.b32 %r9, %r1, 1; add.u32 %r10, %r5, %r9; st.shared.u16 [%r10], %h5; ";
  EXPECT_EQ(error_of(halves + "ld.shared.u16 %h6, [%r10]; st.shared.u16 [%r10], %h6;"), "");
  EXPECT_TRUE(contains(error_of(halves + "xor.b32 %r9, %r9, 2; add.u32 %r10, %r5, %r9; ld.shared.u16 %h6, [%r10];"),
                       "no __syncwarp"));
}

TEST(PtxLaneRaces, AMatrixIsReadByOtherLanesThanNameItsRows) {
  const std::string write =
      ".shared .align 16 .b8 rows[512]; mov.u32 %r9, rows; shl.b32 %r10, %r1, 4; "
      "add.u32 %r10, %r9, %r10; st.shared.v4.u32 [%r10], {0, 0, 0, 0}; bar.sync 0; "
      "st.shared.v4.u32 [%r10], {%r1, %r1, %r1, %r1}; ";
  const std::string load = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r11, %r12, %r13, %r14}, [%r10];";
  EXPECT_EQ(error_of(write + "bar.warp.sync -1; " + load), "");
  EXPECT_TRUE(contains(error_of(write + load), "no __syncwarp"));
}

std::set<std::vector<std::uint32_t>> outcomes(const std::string& text, std::uint64_t first_seed, std::uint64_t seeds) {
  std::set<std::vector<std::uint32_t>> found;
  for (std::uint64_t seed = first_seed; seed < first_seed + seeds; ++seed) {
    PtxProgram seeded = program(text);
    seeded.options.seed = seed;
    seeded.options.max_warp_instructions = 100000;
    found.insert(seeded.run());
  }
  return found;
}

TEST(PtxSchedule, EitherSideOfABranchMayComeFirst) {
  const std::string turns = R"(setp.lt.u32 %p1, %r1, 16; @%p1 bra low; atom.global.add.u32 %r5, [%rd1], 1; bra done;
                               low: atom.global.add.u32 %r5, [%rd1], 1; done: bar.warp.sync -1;
                               st.global.u32 [%rd3], %r5;)";
  EXPECT_EQ(outcomes(turns, 0, 1).size(), 1u);
  std::vector<std::uint32_t> in_order(32);
  std::iota(in_order.begin(), in_order.begin() + 16, 16u);
  std::iota(in_order.begin() + 16, in_order.end(), 0u);
  EXPECT_EQ(*outcomes(turns, 0, 1).begin(), in_order);
  std::set<std::uint32_t> of_lane_0;
  for (const auto& outcome : outcomes(turns, 1, 300)) of_lane_0.insert(outcome[0]);
  EXPECT_TRUE(of_lane_0.contains(0) && of_lane_0.contains(16));
}

TEST(PtxSchedule, LanesMayPartWithoutABranchAndMeetWhereTheyMust) {
  const std::string alone =
      "activemask.b32 %r5; bar.warp.sync -1; activemask.b32 %r6; st.global.u32 [%rd3], %r5; "
      "setp.ne.u32 %p1, %r6, -1; @%p1 trap;";
  std::size_t parted = 0;
  for (const auto& outcome : outcomes(alone, 1, 1000)) parted += outcome[0] != ~0u ? 1 : 0;
  EXPECT_GT(parted, 1u);
}

TEST(PtxSchedule, WhoeverSpinsOnAnotherLaneOfItsWarpGoesOnInTheEnd) {
  const std::string spin = R"(setp.ne.u32 %p1, %r1, 0; @%p1 bra later;
                              again: ld.volatile.global.u32 %r5, [%rd1+4]; setp.eq.u32 %p2, %r5, 0; @%p2 bra again;
                              ret; later: setp.eq.u32 %p3, %r1, 1; @%p3 st.volatile.global.u32 [%rd1+4], 1;)";
  EXPECT_EQ(outcomes(spin, 1, 50).size(), 1u);
  EXPECT_ANY_THROW(outcomes(spin, 0, 1));  // in order, nobody comes before it
}

}  // namespace
}  // namespace drift::emulator::ptx
