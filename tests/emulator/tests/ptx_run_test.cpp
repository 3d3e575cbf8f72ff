// Warps and blocks at work: divergence, exchange between lanes, barriers, memory, and the mistakes that are reported.
#include <numeric>
#include <set>

#include "tests/emulator/tests/ptx_program.h"

namespace drift::emulator::ptx {
namespace {

TEST(PtxDivergence, LanesLoopForDifferentTimesAndMeetAgain) {
  PtxProgram loop = program(R"(
    mov.u32 %r5, 0; mov.u32 %r6, %r1;
    again: setp.eq.u32 %p1, %r6, 0; @%p1 bra done; add.u32 %r5, %r5, %r6; sub.u32 %r6, %r6, 1; bra again;
    done: activemask.b32 %r7; setp.eq.u32 %p2, %r7, -1; selp.u32 %r8, 1000, 0, %p2; add.u32 %r5, %r5, %r8;
    st.global.u32 [%rd3], %r5;)");
  const std::vector<std::uint32_t> out = loop.run();
  for (std::uint32_t t = 0; t < 32; ++t) EXPECT_EQ(out[t], t * (t + 1) / 2 + 1000) << t;
}

TEST(PtxDivergence, JumpTablesCallsAndEarlyExit) {
  PtxProgram calls;
  calls.globals = R"(
.func (.param .b32 result) twice_or_zero(.param .b32 x) {
  .reg .b32 %r<3>; .reg .pred %p<2>;
  ld.param.u32 %r1, [x]; setp.gt.u32 %p1, %r1, 20; @%p1 bra big; add.u32 %r2, %r1, %r1;
  st.param.b32 [result], %r2; ret; big: st.param.b32 [result], 0; ret; })";
  calls.body = R"(
    setp.eq.u32 %p1, %r1, 31; @%p1 exit;
    { .param .b32 a; .param .b32 b; st.param.b32 [a], %r1; call.uni (b), twice_or_zero, (a); ld.param.b32 %r5, [b]; }
    and.b32 %r6, %r1, 3; targets: .branchtargets zero, one, two, three; brx.idx %r6, targets;
    zero: add.u32 %r5, %r5, 100; bra done; one: add.u32 %r5, %r5, 200; bra done; two: three: add.u32 %r5, %r5, 300;
    done: st.global.u32 [%rd3], %r5;)";
  const std::vector<std::uint32_t> out = calls.run();
  for (std::uint32_t t = 0; t < 31; ++t) {
    EXPECT_EQ(out[t], (t > 20 ? 0 : 2 * t) + (t % 4 == 0 ? 100u : t % 4 == 1 ? 200u : 300u)) << t;
  }
  EXPECT_EQ(out[31], 0u);
}

TEST(PtxWarp, ShufflesVotesMatchesAndReduces) {
  const std::vector<std::uint32_t> out = program(R"(
    shfl.sync.down.b32 %r5|%p1, %r1, 4, 31, -1; shfl.sync.bfly.b32 %r6, %r1, 1, 31, -1;
    shfl.sync.idx.b32 %r7, %r1, 3, 0x181f, -1; shfl.sync.up.b32 %r8, %r1, 1, 0, -1;
    setp.lt.u32 %p2, %r1, 5; vote.sync.ballot.b32 %r9, %p2, -1; redux.sync.add.s32 %r10, %r1, -1;
    shr.u32 %r11, %r1, 3; match.any.sync.b32 %r12, %r11, -1;
    mul.wide.u32 %rd5, %r1, 32; add.s64 %rd5, %rd1, %rd5; selp.u32 %r13, 1, 0, %p1;
    st.global.v4.u32 [%rd5], {%r5, %r6, %r7, %r8}; st.global.v4.u32 [%rd5+16], {%r9, %r10, %r12, %r13};)")
                                             .run({}, 256);
  const auto row = [&](std::size_t t) { return std::vector<std::uint32_t>(&out[t * 8], &out[t * 8] + 8); };
  EXPECT_EQ(row(9), (std::vector<std::uint32_t>{13, 8, 11, 8, 0x1f, 496, 0xff00, 1}));
  EXPECT_EQ(row(30), (std::vector<std::uint32_t>{30, 31, 27, 29, 0x1f, 496, 0xff000000, 0}));
}

TEST(PtxWarp, LanesWaitForThoseTheyNeed) {
  const std::vector<std::uint32_t> out = program(R"(
    mov.u32 %r5, %r1; setp.ge.u32 %p1, %r1, 16; @%p1 bra detour;
    meet: shfl.sync.bfly.b32 %r6, %r5, 16, 31, -1; st.global.u32 [%rd3], %r6; ret;
    detour: add.u32 %r5, %r5, 100; bra meet;)")
                                             .run();
  EXPECT_EQ(out[3], 119u);
  EXPECT_EQ(out[19], 3u);
}

TEST(PtxWarp, WrongMemberMasksAreReported) {
  EXPECT_TRUE(contains(program("setp.lt.u32 %p1, %r1, 16; @%p1 shfl.sync.down.b32 %r5, %r1, 1, 31, -1;").error(),
                       "lanes named in the member mask are predicated off"));
  EXPECT_TRUE(contains(program("shfl.sync.down.b32 %r5, %r1, 1, 31, 0xffff;").error(),
                       "the member mask does not name the executing lane"));
  EXPECT_TRUE(contains(program(R"(setp.lt.u32 %p1, %r1, 16; @%p1 bra low; bar.warp.sync -1; ret;
                                  low: vote.sync.all.pred %p2, %p1, 0xffff; setp.eq.u32 %p3, %r1, 0; @%p3 bra low;
                                  bar.sync 0;)")
                           .error(),
                       "deadlock"));
}

PtxProgram reversal(const std::string& between) {
  PtxProgram result = program(R"(
    .shared .align 4 .b8 buffer[512]; mov.u32 %r5, buffer; shl.b32 %r6, %r1, 2; add.u32 %r7, %r5, %r6;
    st.shared.u32 [%r7], 0; bar.sync 0; st.shared.u32 [%r7], %r1; )" +
                              between + R"( sub.u32 %r8, 508, %r6; add.u32 %r8, %r5, %r8;
    ld.shared.u32 %r9, [%r8]; st.global.u32 [%rd3], %r9;)");
  result.block = {128, 1, 1};
  return result;
}

TEST(PtxBarrier, OrdersSharedMemoryUnderEverySchedule) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    PtxProgram ordered = reversal("bar.sync 0;");
    ordered.options.seed = seed;
    const std::vector<std::uint32_t> out = ordered.run({}, 128);
    for (std::uint32_t t = 0; t < 128; ++t) ASSERT_EQ(out[t], 127 - t);
  }
}

TEST(PtxBarrier, WithoutItTheRaceIsReported) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    PtxProgram racy = reversal("");
    racy.options.seed = seed;
    EXPECT_TRUE(contains(racy.error({}, 128), "shared-memory race")) << seed;
  }
  PtxProgram unchecked = reversal("");
  unchecked.options.shared_races = false;
  EXPECT_EQ(unchecked.error({}, 128), "");
}

TEST(PtxBarrier, WhatNobodyHasWrittenMayNotBeRead) {
  const std::string buffer = ".shared .align 4 .b8 buffer[64]; mov.u32 %r5, buffer; setp.eq.u32 %p1, %r1, 0; ";
  const auto error = [&](const std::string& text) {
    PtxProgram fresh = program(buffer + text);
    fresh.grid = {2, 1, 1};
    return fresh.error();
  };
  const std::string write = "@%p1 st.shared.u16 [%r5], %h5; bar.sync 0; ";
  EXPECT_EQ(error(write + "ld.shared.u16 %h6, [%r5];"), "");
  for (const char* read : {"ld.shared.u32 %r6, [%r5];", "ld.shared.u16 %h6, [%r5+2];",
                           "ld.volatile.shared.u8 %h6, [%r5+3];", "red.shared.add.u32 [%r5+4], 1;"}) {
    EXPECT_TRUE(contains(error(write + read), "which nobody has written since the block began")) << read;
  }
  // The second block gets nothing from the first.
  EXPECT_TRUE(contains(error("mov.u32 %r6, %ctaid.x; setp.eq.u32 %p2, %r6, 0; and.pred %p1, %p1, %p2; " + write +
                             "ld.shared.u16 %h6, [%r5];"),
                       "block (1,0,0)"));
}

TEST(PtxBarrier, RacesAreFoundByTheByte) {
  const auto bytes = [](const char* address) {
    PtxProgram result =
        program(std::string(".shared .align 4 .b8 buffer[64]; mov.u32 %r5, buffer; shr.u32 %r6, %r1, 5;") + address +
                "st.shared.u8 [%r7], %h5;");
    result.block = {64, 1, 1};
    return result.error();
  };
  EXPECT_EQ(bytes("add.u32 %r7, %r5, %r6;"), "");  // each warp its own byte of one word
  EXPECT_TRUE(contains(bytes("mov.u32 %r7, %r5;"), "shared-memory race: write"));
}

TEST(PtxBarrier, CountsReducesAndReportsDeadlock) {
  PtxProgram count = program(R"(
    and.b32 %r5, %r1, 1; setp.eq.u32 %p1, %r5, 1; bar.red.popc.u32 %r6, 0, %p1; st.global.u32 [%rd3], %r6;)");
  count.block = {96, 1, 1};
  EXPECT_EQ(count.run({}, 96), std::vector<std::uint32_t>(96, 48));
  PtxProgram stuck = program("setp.lt.u32 %p1, %r1, 32; @%p1 bra one; bar.sync 0; ret; one: bar.sync 1;");
  stuck.block = {64, 1, 1};
  EXPECT_TRUE(contains(stuck.error({}, 64), "barrier deadlock: 32 of 64 threads arrived"));
  EXPECT_TRUE(contains(program("setp.lt.u32 %p1, %r1, 5; @%p1 bra one; bar.sync 0; ret; one: bar.sync 0;").error(),
                       "divergent barrier"));
}

TEST(PtxAtomic, EveryLaneCounts) {
  PtxProgram sum = program(R"(
    .shared .align 4 .b8 counter[4]; mov.u32 %r5, counter; setp.eq.u32 %p1, %r1, 0; @%p1 st.shared.u32 [%r5], 0;
    bar.sync 0; atom.shared.add.u32 %r6, [%r5], 2; bar.sync 0; ld.shared.u32 %r7, [%r5]; st.global.u32 [%rd3], %r6;
    atom.global.max.u32 %r8, [%rd2], %r7; red.global.add.f32 [%rd2+4], 0f3F000000;
    atom.global.cas.b32 %r9, [%rd2+8], 5, 6;)");
  sum.block = {64, 1, 1};
  sum.options.seed = 3;
  const std::vector<std::uint32_t> olds = sum.run({0, 0, 5}, 64);
  EXPECT_EQ(std::set<std::uint32_t>(olds.begin(), olds.end()).size(), 64u);
  std::uint32_t values[3];
  std::memcpy(values, sum.memory.allocations[1].bytes.data(), sizeof values);
  EXPECT_EQ(values[0], 128u);
  EXPECT_EQ(to_float(values[1]), 32.0f);
  EXPECT_EQ(values[2], 6u);
}

TEST(PtxMemory, VectorsExtensionAndGenericAddresses) {
  const std::vector<std::uint32_t> out = program(R"(
    .local .align 8 .b8 stack[16]; mov.u64 %rd5, stack; cvta.local.u64 %rd6, %rd5;
    ld.global.v4.b16 {%h5, %h6, _, %h7}, [%rd2]; mov.b32 %r5, {%h6, %h7}; st.u32 [%rd6+8], %r5;
    ld.local.u32 %r6, [%rd5+8];
    ld.global.s8 %r7, [%rd2+3]; ld.global.u8 %h8, [%rd2+3]; cvt.u32.u16 %r8, %h8;
    st.global.v4.u32 [%rd1], {%r6, %r7, %r8, 17};)")
                                             .run({0xf1223344, 0x55667788});
  EXPECT_EQ(out[0], 0x5566f122u);
  EXPECT_EQ(out[1], 0xfffffff1u);
  EXPECT_EQ(out[2], 0xf1u);
  EXPECT_EQ(out[3], 17u);
}

TEST(PtxMemory, OutOfBoundsNamesKernelBlockThreadAndLine) {
  PtxProgram beyond = program(R"(
    mov.u32 %r5, %ctaid.x; setp.eq.u32 %p1, %r5, 1; selp.u32 %r6, 4, 0, %p1; cvt.u64.u32 %rd5, %r6;
    add.s64 %rd6, %rd3, %rd5; st.global.u32 [%rd6], %r1;)");
  beyond.block = {8, 4, 1};
  beyond.grid = {1, 2, 1};
  EXPECT_EQ(beyond.error(), "");  // ctaid.x is 0 in both blocks
  beyond.grid = {2, 1, 1};
  const std::string error = beyond.error({}, 8);
  EXPECT_TRUE(contains(error, "invalid global write of 4 bytes at 0x5"));
  EXPECT_TRUE(contains(error, "[kernel k, block (1,0,0), thread (7,0,0), PTX line 12: st.global.u32 [%rd6], %r1]"));
  EXPECT_TRUE(contains(program("st.global.u32 [%rd1+2], %r1;").error(), "misaligned address"));
  EXPECT_TRUE(contains(program("mov.u32 %r5, 64; st.shared.u32 [%r5], %r1;").error(), "out of bounds"));
  EXPECT_TRUE(contains(program("st.param.u32 [k_in], %r1;").error(), "parameters are read-only"));
}

TEST(PtxMemory, DynamicSharedMemoryFollowsStatic) {
  PtxProgram dynamic = program(R"(.shared .align 4 .b8 own[20]; mov.u32 %r5, own; mov.u32 %r6, rest;
    sub.u32 %r7, %r6, %r5; st.shared.u32 [%r6+12], %r5; mov.u32 %r8, %dynamic_smem_size; add.u32 %r7, %r7, %r8;
    st.global.u32 [%rd1], %r7;)");
  dynamic.globals = ".extern .shared .align 16 .b8 rest[];";
  dynamic.dynamic_shared_bytes = 16;
  EXPECT_EQ(dynamic.run()[0], 32u + 16);
  dynamic.dynamic_shared_bytes = 8;
  EXPECT_TRUE(contains(dynamic.error(), "the block has 40 bytes"));
}

TEST(PtxMemory, AccessesAreReportedOnRequest) {
  PtxProgram reported = program("ld.global.u32 %r5, [%rd4]; red.global.add.u32 [%rd1], %r5;");
  reported.options.report_global = true;
  reported.grid = {2, 1, 1};
  reported.run(std::vector<std::uint32_t>(32, 1));
  ASSERT_EQ(reported.memory.touches.size(), 66u);
  EXPECT_EQ(reported.memory.touches[0].access, MemoryAccess::kRead);
  EXPECT_EQ(reported.memory.touches[0].bytes, 128u);  // of all lanes
  EXPECT_EQ(reported.memory.touches[1].access, MemoryAccess::kAtomic);
  EXPECT_EQ(reported.memory.touches[65].block, 1u);
}

PtxProgram staged_copy(const std::string& wait) {
  return program(R"(
    .shared .align 16 .b8 buffer[256]; mov.u32 %r5, buffer; shl.b32 %r6, %r1, 2; add.u32 %r7, %r5, %r6;
    st.shared.u32 [%r7], 77; cp.async.ca.shared.global [%r7], [%rd4], 4; cp.async.commit_group;
    cp.async.ca.shared.global [%r7+128], [%rd4], 4, 0; cp.async.commit_group; )" +
                 wait + R"(
    ld.shared.u32 %r8, [%r7]; ld.shared.u32 %r9, [%r7+128]; add.u32 %r8, %r8, %r9; st.global.u32 [%rd3], %r8;)");
}

TEST(PtxAsyncCopy, LandsAtTheWaitOnly) {
  std::vector<std::uint32_t> input(32);
  std::iota(input.begin(), input.end(), 5u);
  EXPECT_EQ(staged_copy("cp.async.wait_group 0;").run(input), input);  // the second copy fills zeros
  EXPECT_EQ(staged_copy("cp.async.wait_all;").run(input), input);
  PtxProgram early = staged_copy("cp.async.wait_group 1;");
  EXPECT_TRUE(contains(early.error(input), "a cp.async still fills: a cp.async.wait is missing"));
  early.options.shared_races = false;
  EXPECT_EQ(early.run(input)[3], 8 + 0xCDCDCDCD);  // the newest group has not arrived
  PtxProgram missing = staged_copy("");
  missing.options.shared_races = false;
  EXPECT_EQ(missing.run(input)[3], 77 + 0xCDCDCDCD);
}

TEST(PtxOutput, PrintfFormatsEveryKind) {
  PtxProgram print = program(R"(
    .local .align 8 .b8 arguments[40]; mov.u64 %rd5, arguments; cvta.local.u64 %rd6, %rd5; mov.u64 %rd7, format;
    cvta.global.u64 %rd8, %rd7; mov.u64 %rd9, word; cvta.global.u64 %rd10, %rd9;
    st.local.u32 [%rd5], -7; st.local.f64 [%rd5+8], 0d3FF8000000000000; st.local.u64 [%rd5+16], 0x123456789a;
    st.local.u64 [%rd5+24], %rd10; st.local.u32 [%rd5+32], %r1; setp.gt.u32 %p1, %r1, 1; @%p1 ret;
    { .param .b64 f; .param .b64 a; .param .b32 n; st.param.b64 [f], %rd8; st.param.b64 [a], %rd6;
      call.uni (n), vprintf, (f, a); ld.param.b32 %r5, [n]; } st.global.u32 [%rd3], %r5;)");
  // "%3d %.2f%% %llx %s %u\n" and "hi"
  print.globals = R"(
.global .align 1 .b8 format[24] = {37, 51, 100, 32, 37, 46, 50, 102, 37, 37, 32, 37, 108, 108, 120, 32, 37, 115, 32,
                                   37, 117, 10, 0};
.global .align 1 .b8 word[3] = {104, 105, 0};)";
  std::string text;
  print.options.print = [&](std::string_view piece) { text += piece; };
  EXPECT_EQ(print.run()[1], 5u);
  EXPECT_EQ(text, " -7 1.50% 123456789a hi 0\n -7 1.50% 123456789a hi 1\n");
}

TEST(PtxRun, BlocksOfACooperativeLaunchMayWaitForEachOther) {
  PtxProgram together = program(R"(
    mov.u32 %r7, %envreg1; mov.u32 %r8, %envreg2; red.global.add.u32 [%rd1], 1;
    again: ld.volatile.global.u32 %r6, [%rd1]; setp.lt.u32 %p1, %r6, 128; @%p1 bra again;
    st.global.u32 [%rd1+4], %r7; st.global.u32 [%rd1+8], %r8;)");
  together.grid = {2, 2, 1};
  together.options.max_warp_instructions = 10000;
  together.options.grid_workspace = 0x500000007;
  EXPECT_TRUE(contains(together.error(), "the kernel runs on without end"));
  together.options.cooperative = true;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    together.options.seed = seed;
    const std::vector<std::uint32_t> out = together.run();
    EXPECT_EQ(std::vector<std::uint32_t>(out.begin(), out.begin() + 3), (std::vector<std::uint32_t>{128, 5, 7}));
  }
}

TEST(PtxRun, EndlessKernelsAndTrapsAreReported) {
  PtxProgram endless = program("again: bra again;");
  endless.options.max_warp_instructions = 1000;
  EXPECT_TRUE(contains(endless.error(), "the kernel runs on without end"));
  EXPECT_TRUE(
      contains(program("setp.eq.u32 %p1, %r1, 9; @%p1 trap;").error(), "trap [kernel k, block (0,0,0), thread (9,"));
  PtxProgram large = program("");
  large.block = {1025, 1, 1};
  EXPECT_TRUE(contains(large.error(), "a block of 1025 threads"));
}

TEST(PtxRun, CountsInstructions) {
  PtxProgram counted = program("");
  counted.block = {40, 1, 1};
  counted.run();
  EXPECT_EQ(counted.statistics.warp_instructions, 2u * 7);  // the prologue's six and ret
  EXPECT_EQ(counted.statistics.thread_instructions, 40u * 7);
}

}  // namespace
}  // namespace drift::emulator::ptx
