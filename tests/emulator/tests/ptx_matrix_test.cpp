// What tensor cores are fed and do: cp.async, ldmatrix and mma against plain references, and the mistakes to be made
// with them.
#include <numeric>
#include <random>

#include "tests/emulator/tests/ptx_program.h"

namespace drift::emulator::ptx {
namespace {

using Words = std::vector<std::uint32_t>;

std::uint32_t pair(std::uint32_t low, std::uint32_t high) {
  return low | high << 16;
}

// Word w of the input goes to word w of shared memory; then each lane loads by `load` from its row of 16 bytes.
PtxProgram matrices(const std::string& load) {
  return program(R"(
    .shared .align 16 .b8 buffer[512]; mov.u32 %r5, buffer; shl.b32 %r6, %r1, 4; add.u32 %r7, %r5, %r6;
    mul.wide.u32 %rd5, %r1, 16; add.s64 %rd6, %rd2, %rd5; add.s64 %rd7, %rd1, %rd5;
    ld.global.v4.u32 {%r10, %r11, %r12, %r13}, [%rd6]; st.shared.v4.u32 [%r7], {%r10, %r11, %r12, %r13};
    mov.u32 %r10, 0; mov.u32 %r11, 0; mov.u32 %r12, 0; mov.u32 %r13, 0; bar.warp.sync -1; )" +
                 load + " st.global.v4.u32 [%rd7], {%r10, %r11, %r12, %r13};");
}

// Element e of the four matrices, row by row, is the number e.
Words numbered() {
  Words words(128);
  for (std::uint32_t w = 0; w < 128; ++w) words[w] = pair(2 * w, 2 * w + 1);
  return words;
}

TEST(PtxLdmatrix, HandsEachLaneTwoElementsOfEveryMatrix) {
  const Words out =
      matrices("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r7];").run(numbered(), 128);
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    for (std::uint32_t matrix = 0; matrix < 4; ++matrix) {
      const std::uint32_t first = matrix * 64 + lane / 4 * 8 + lane % 4 * 2;
      EXPECT_EQ(out[lane * 4 + matrix], pair(first, first + 1)) << lane << " " << matrix;
    }
  }
}

TEST(PtxLdmatrix, Transposes) {
  const Words out =
      matrices("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r10, %r11, %r12, %r13}, [%r7];").run(numbered(), 128);
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    for (std::uint32_t matrix = 0; matrix < 4; ++matrix) {
      const std::uint32_t row = lane % 4 * 2, column = lane / 4, first = matrix * 64 + row * 8 + column;
      EXPECT_EQ(out[lane * 4 + matrix], pair(first, first + 8)) << lane << " " << matrix;
    }
  }
}

TEST(PtxLdmatrix, RowsMayLieAnywhereAndFewerMatricesNeedFewerOfThem) {
  // Lane l names row 31 - l; lanes 16 and up name none of two matrices, so theirs may be nonsense.
  const std::string reversed = "sub.u32 %r8, 496, %r6; add.u32 %r8, %r5, %r8; setp.gt.u32 %p1, %r1, 15; ";
  const Words out = matrices(reversed +
                             "@%p1 mov.u32 %r8, 3; "
                             "ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%r10, %r11}, [%r8];")
                        .run(numbered(), 128);
  for (std::uint32_t lane = 0; lane < 32; ++lane) {
    for (std::uint32_t matrix = 0; matrix < 2; ++matrix) {
      const std::uint32_t first = (31 - matrix * 8 - lane / 4) * 8 + lane % 4 * 2;
      EXPECT_EQ(out[lane * 4 + matrix], pair(first, first + 1)) << lane << " " << matrix;
    }
    EXPECT_EQ(out[lane * 4 + 2], 0u);
  }
}

TEST(PtxLdmatrix, WrongAddressesAreReported) {
  const std::string load = "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r10}, [%r7+";
  EXPECT_TRUE(contains(matrices(load + "8];").error(numbered(), 128), "misaligned address"));
  EXPECT_TRUE(contains(matrices(load + "512];").error(numbered(), 128), "out of bounds"));
}

// Lane t has 4 words of a, 2 of b and 4 of c in a row of the input and its 4 words of d in one of the output.
const char* const kLoadFragments = R"(
    mul.wide.u32 %rd5, %r1, 40; add.s64 %rd6, %rd2, %rd5; mul.wide.u32 %rd7, %r1, 16; add.s64 %rd7, %rd1, %rd7;
    ld.global.u32 %r10, [%rd6]; ld.global.u32 %r11, [%rd6+4]; ld.global.u32 %r12, [%rd6+8];
    ld.global.u32 %r13, [%rd6+12]; ld.global.u32 %r14, [%rd6+16]; ld.global.u32 %r15, [%rd6+20];
    ld.global.f32 %f10, [%rd6+24]; ld.global.f32 %f11, [%rd6+28]; ld.global.f32 %f12, [%rd6+32];
    ld.global.f32 %f13, [%rd6+36]; )";
const char* const kMultiply =
    "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f5, %f6, %f7, %f8}, {%r10, %r11, %r12, %r13}, "
    "{%r14, %r15}, {%f10, %f11, %f12, %f13}; ";
const char* const kStoreFragments = "st.global.v4.f32 [%rd7], {%f5, %f6, %f7, %f8};";

// Small integers: every sum is exact.
struct Product {
  int a[16][16], b[16][8], c[16][8];

  Product() {
    std::mt19937 random(1);
    const auto fill = [&](auto& matrix) {
      for (auto& row : matrix) {
        for (int& value : row) value = static_cast<int>(random() % 9) - 4;
      }
    };
    fill(a), fill(b), fill(c);
  }
  int at(std::size_t row, std::size_t column) const {
    int sum = c[row][column];
    for (std::size_t k = 0; k < 16; ++k) sum += a[row][k] * b[k][column];
    return sum;
  }
  // As the PTX manual numbers a lane's elements: 8 of a, 4 of b, 4 of c.
  Words fragments() const {
    Words words;
    const auto half = [](int value) { return bits(static_cast<float>(value)) >> 16; };
    for (std::size_t lane = 0; lane < 32; ++lane) {
      const std::size_t group = lane / 4, in_group = lane % 4;
      for (std::size_t i = 0; i < 8; i += 2) {
        const std::size_t row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
        const std::size_t column = in_group * 2 + (i >= 4 ? 8 : 0);
        words.push_back(pair(half(a[row][column]), half(a[row][column + 1])));
      }
      for (std::size_t i = 0; i < 4; i += 2) {
        const std::size_t row = in_group * 2 + (i >= 2 ? 8 : 0);
        words.push_back(pair(half(b[row][group]), half(b[row + 1][group])));
      }
      for (std::size_t i = 0; i < 4; ++i) {
        words.push_back(bits(static_cast<float>(c[i < 2 ? group : group + 8][in_group * 2 + i % 2])));
      }
    }
    return words;
  }
};

TEST(PtxMma, MultipliesAndAdds) {
  const Product product;
  const Words out = program(std::string(kLoadFragments) + kMultiply + kStoreFragments).run(product.fragments(), 128);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    for (std::size_t i = 0; i < 4; ++i) {
      const int want = product.at(i < 2 ? lane / 4 : lane / 4 + 8, lane % 4 * 2 + i % 2);
      EXPECT_EQ(to_float(out[lane * 4 + i]), static_cast<float>(want)) << lane << " " << i;
    }
  }
}

TEST(PtxMma, MayOverwriteWhatItAddsAndPassesNansOn) {
  const Product product;
  Words fragments = product.fragments();
  fragments[0] = pair(0x7fc0, 0x3f80);  // a[0][0]
  const Words out = program(std::string(kLoadFragments) +
                            "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f10, %f11, %f12, %f13}, "
                            "{%r10, %r11, %r12, %r13}, {%r14, %r15}, {%f10, %f11, %f12, %f13};"
                            "st.global.v4.f32 [%rd7], {%f10, %f11, %f12, %f13};")
                        .run(fragments, 128);
  for (std::size_t lane = 0; lane < 32; ++lane) {
    const float first = to_float(out[lane * 4]);
    EXPECT_EQ(first != first, lane < 4) << lane;  // row 0
    EXPECT_EQ(to_float(out[lane * 4 + 2]), static_cast<float>(product.at(lane / 4 + 8, lane % 4 * 2))) << lane;
  }
}

TEST(PtxMma, LanesThatPartedMeetForIt) {
  const Product product;
  const std::string detour = "setp.lt.u32 %p1, %r1, 7; @%p1 bra low; bra meet; low: mov.u32 %r20, 1; meet: ";
  const PtxProgram straight = program(std::string(kLoadFragments) + kMultiply + kStoreFragments);
  const PtxProgram parted = program(kLoadFragments + detour + kMultiply + kStoreFragments);
  EXPECT_EQ(PtxProgram(parted).run(product.fragments(), 128), PtxProgram(straight).run(product.fragments(), 128));
}

TEST(PtxMma, OfAPartOfAWarpIsReported) {
  const Words input = Product().fragments();
  const std::string few = std::string(kLoadFragments) + "setp.lt.u32 %p1, %r1, 16; ";
  const char* const wanted = "all 32 lanes of the warp must run this instruction";
  EXPECT_TRUE(contains(program(few + "@%p1 " + kMultiply).error(input, 128), wanted));
  EXPECT_TRUE(contains(program(few + "@!%p1 exit; " + kMultiply).error(input, 128), wanted));
  PtxProgram small = program(std::string(kLoadFragments) + kMultiply);
  small.block = {48, 1, 1};
  EXPECT_TRUE(contains(small.error(Words(480), 256), wanted));
  EXPECT_TRUE(contains(program(few + "@%p1 bra low; bar.warp.sync -1; ret; low: " + kMultiply).error(input, 128),
                       "warp deadlock"));
  EXPECT_TRUE(contains(matrices("setp.lt.u32 %p1, %r1, 16; "
                                "@%p1 ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r10}, [%r7];")
                           .error(numbered(), 128),
                       wanted));
}

TEST(PtxMma, OtherShapesAndTypesAreRefused) {
  for (const char* other : {"mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%f5, %f6, %f7, %f8}, {%r10, %r11}, "
                            "{%r14}, {%f10, %f11, %f12, %f13};",
                            "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f5, %f6, %f7, %f8}, "
                            "{%r10, %r11, %r12, %r13}, {%r14, %r15}, {%f10, %f11, %f12, %f13};",
                            "ldmatrix.sync.aligned.m8n16.x1.shared.b8x16.b6x16_p32 {%r10}, [%r7];"}) {
    EXPECT_TRUE(contains(program(other).error(), "unsupported instruction")) << other;
  }
}

// Two warps bring a row of 16 bytes for each thread to shared memory, then each reads what the other has brought.
PtxProgram exchanged_copy(const std::string& between, const std::string& size = "") {
  PtxProgram result = program(R"(
    .shared .align 16 .b8 buffer[1024]; mov.u32 %r5, buffer; shl.b32 %r6, %r1, 4; add.u32 %r7, %r5, %r6;
    mul.wide.u32 %rd5, %r1, 16; add.s64 %rd6, %rd2, %rd5; and.b32 %r8, %r1, 1; shl.b32 %r8, %r8, 4;
    cp.async.cg.shared.global [%r7], [%rd6], 16)" +
                              size + "; cp.async.commit_group; " + between + R"(
    xor.b32 %r9, %r6, 512; add.u32 %r9, %r5, %r9; ld.shared.u32 %r10, [%r9+12]; st.global.u32 [%rd3], %r10;)");
  result.block = {64, 1, 1};
  return result;
}

Words counted(std::uint32_t count) {
  Words words(count);
  std::iota(words.begin(), words.end(), 1u);
  return words;
}

TEST(PtxAsyncCopy, ArrivesForOtherWarpsAfterWaitAndBarrier) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    for (const char* wait : {"cp.async.wait_group 0; bar.sync 0;", "cp.async.wait_all; bar.sync 0;"}) {
      PtxProgram plain = exchanged_copy(wait), half = exchanged_copy(wait, ", %r8");
      plain.options.seed = half.options.seed = seed;
      const Words all = plain.run(counted(256), 64), odd = half.run(counted(256), 64);
      for (std::uint32_t t = 0; t < 64; ++t) {
        EXPECT_EQ(all[t], (t ^ 32u) * 4 + 4) << t;
        EXPECT_EQ(odd[t], t % 2 == 1 ? (t ^ 32u) * 4 + 4 : 0) << t;  // 0 of 16 bytes are read, the rest is zeros
      }
    }
  }
}

TEST(PtxAsyncCopy, AMissingWaitOrBarrierIsReported) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    PtxProgram unawaited = exchanged_copy("bar.sync 0;"), early = exchanged_copy("cp.async.wait_group 1; bar.sync 0;"),
               unordered = exchanged_copy("cp.async.wait_group 0;"),
               wrong_order = exchanged_copy("bar.sync 0; cp.async.wait_group 0;");
    for (PtxProgram* each : {&unawaited, &early, &unordered, &wrong_order}) each->options.seed = seed;
    EXPECT_TRUE(contains(unawaited.error(counted(256), 64), "a cp.async.wait is missing")) << seed;
    EXPECT_TRUE(contains(early.error(counted(256), 64), "a cp.async.wait is missing")) << seed;
    EXPECT_NE(unordered.error(counted(256), 64), "") << seed;  // under way still, or a race
    EXPECT_NE(wrong_order.error(counted(256), 64), "") << seed;
  }
}

TEST(PtxAsyncCopy, WhatLandsBehindTheBarrierIsARace) {
  PtxProgram late = program(R"(
    .shared .align 16 .b8 buffer[512]; mov.u32 %r5, buffer; and.b32 %r6, %r1, 31; shl.b32 %r6, %r6, 4;
    add.u32 %r7, %r5, %r6; mul.wide.u32 %rd5, %r6, 1; add.s64 %rd6, %rd2, %rd5; setp.lt.u32 %p1, %r1, 32;
    @%p1 cp.async.cg.shared.global [%r7], [%rd6], 16; bar.sync 0; @%p1 cp.async.wait_all; @%p1 exit;
    ld.shared.u32 %r10, [%r7]; st.global.u32 [%rd3], %r10;)");
  late.block = {64, 1, 1};  // without a seed the first warp waits before the second reads
  EXPECT_TRUE(contains(late.error(counted(128), 64), "shared-memory race: read"));
}

TEST(PtxAsyncCopy, ReportsWhatItReadsAndWhereItMayNot) {
  PtxProgram reported = exchanged_copy("cp.async.wait_group 0; bar.sync 0;", ", %r8");
  reported.options.report_global = true;
  reported.run(counted(256), 64);
  std::size_t reads = 0;
  for (const auto& touch : reported.memory.touches) {
    reads += touch.access == MemoryAccess::kRead && touch.bytes == 16 ? 1 : 0;
  }
  EXPECT_EQ(reads, 32u);  // a copy of zeros reads nothing
  EXPECT_TRUE(contains(exchanged_copy("cp.async.wait_all; bar.sync 0;").error(counted(200), 64),
                       "invalid global read of 16 bytes"));
}

}  // namespace
}  // namespace drift::emulator::ptx
