// Loading PTX, and the arithmetic of single instructions. Expected bits come from the PTX manual or from C++.
#include "tests/emulator/ptx/ptx.h"

#include <cmath>
#include <limits>

#include "tests/emulator/tests/ptx_program.h"

namespace drift::emulator::ptx {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// d = operation(a, b, c) with literal operands in registers of a type; 64-bit results come as two words, low first.
std::vector<std::uint32_t> evaluate(const std::string& operation, const std::vector<std::string>& operands, bool wide) {
  std::string body, arguments;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const std::string name = (wide ? "%rd" : "%r") + std::to_string(10 + k);
    body += std::string("mov.b") + (wide ? "64 " : "32 ") + name + ", " + operands[k] + ";\n";
    arguments += ", " + name;
  }
  const std::string d = wide ? "%rd9" : "%r9";
  body += operation + " " + d + arguments + ";\n";
  body += wide ? "st.global.b64 [%rd1], %rd9;" : "st.global.b32 [%rd1], %r9;";
  return program(body).run({}, 2);
}
std::uint32_t evaluate32(const std::string& operation, const std::vector<std::string>& operands) {
  return evaluate(operation, operands, false)[0];
}
std::uint64_t evaluate64(const std::string& operation, const std::vector<std::string>& operands) {
  const std::vector<std::uint32_t> words = evaluate(operation, operands, true);
  return static_cast<std::uint64_t>(words[1]) << 32 | words[0];
}
std::string hex(float value) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", bits(value));
  return text;
}

TEST(PtxLoad, ReadsParametersSharedMemoryAndVariables) {
  PtxProgram program;
  program.globals = R"(.global .align 8 .u64 pointer[2] = {generic(table)+4, 7};)";
  ArrayMemory memory;
  EXPECT_THROW(load(program.text(), memory), Error);  // table comes later
  program.globals = R"(.const .align 4 .f32 table[3] = {0f3F800000, 0f40000000, 0fC0400000};
.global .align 8 .u64 pointer[2] = {generic(table)+4, 7}; /* a { comment */ .shared .align 8 .b8 buffer[24];)";
  program.body = ".shared .align 4 .b8 own[12]; mov.u32 %r5, own; mov.u32 %r6, buffer;";
  const Module module = load(program.text(), memory);
  const Kernel& kernel = module.kernels.at("k");
  ASSERT_EQ(kernel.parameters.size(), 2u);
  EXPECT_EQ(kernel.parameters[1].name, "k_in");
  EXPECT_EQ(kernel.parameters[1].offset, 8u);
  EXPECT_EQ(kernel.parameter_bytes, 16u);
  EXPECT_EQ(kernel.static_shared_bytes, 48u);  // 12, then 24 from 16 on, in units of 16
  const Variable table = module.variables.at("table"), pointer = module.variables.at("pointer");
  float third = 0;
  std::memcpy(&third, memory.find(table.address, 12).host + 8, 4);
  EXPECT_EQ(third, -3.0f);
  std::uint64_t first = 0;
  ASSERT_NE(memory.find(pointer.address, 16).host, nullptr);
  std::memcpy(&first, memory.find(pointer.address, 16).host, 8);
  EXPECT_EQ(first, table.address + 4);
}

TEST(PtxLoad, LaysParametersOutByTheirOwnAlignment) {
  ArrayMemory memory;
  const Module module = load(
      ".entry m(.param .u32 n, .param .u64 .ptr .align 1 p, .param .align 2 .b8 s[6])\n.maxntid 16, 4, 1\n{ ret; }",
      memory);
  const Kernel& kernel = module.kernels.at("m");
  EXPECT_EQ(kernel.parameters[1].offset, 8u);
  EXPECT_EQ(kernel.parameters[2].offset, 16u);
  EXPECT_EQ(kernel.parameter_bytes, 22u);
  EXPECT_EQ(kernel.max_threads, 64u);
}

TEST(PtxLoad, UnknownInstructionIsAnErrorWithItsText) {
  for (const char* bad :
       {"tensor.magic.b32 %r5, %r6", "add.u16x2 %r5, %r6, %r7", "cvt.rn.satfinite.e4m3x2.f32 %h5, %f5, %f6",
        "cp.async.bulk.commit_group", "mbarrier.init.shared.b64 [%r5], 1", "ld.shared::cluster.u32 %r5, [%r6]"}) {
    const std::string error = program(std::string(".loc 1 77 0\n") + bad + ";").error();
    EXPECT_TRUE(contains(error, "unsupported instruction: " + std::string(bad))) << bad;
    EXPECT_TRUE(contains(error, "PTX line 11 (source line 77)"));
  }
}

TEST(PtxLoad, RejectsWhatDoesNotFit) {
  EXPECT_TRUE(contains(program("add.s32 %r5, %r6, %rd7;").error(), "%rd7 has 8 bytes, the instruction takes 4"));
  EXPECT_TRUE(contains(program("mov.u32 %r5, %nonsense;").error(), "unknown operand %nonsense"));
  EXPECT_TRUE(contains(program("bra nowhere;").error(), "there is no label nowhere"));
  EXPECT_TRUE(contains(program("here: here: ret;").error(), "defined twice"));
  EXPECT_TRUE(contains(program("call.uni nobody;").error(), "unknown function nobody"));
  EXPECT_TRUE(contains(program("add.s32 %r5, %r6;").error(), "2 operands, expected 3"));
}

TEST(PtxInteger, WrapsDividesAndShiftsAsTheDeviceDoes) {
  EXPECT_EQ(evaluate32("add.s32", {"0x7fffffff", "1"}), 0x80000000u);
  EXPECT_EQ(evaluate32("mul.hi.u32", {"0xffffffff", "0xffffffff"}), 0xfffffffeu);
  EXPECT_EQ(evaluate32("mul.hi.s32", {"-2", "3"}), 0xffffffffu);
  EXPECT_EQ(evaluate64("mul.hi.u64", {"0xffffffffffffffff", "0xffffffffffffffff"}), 0xfffffffffffffffeull);
  EXPECT_EQ(evaluate64("mad.lo.s64", {"-3", "5", "1"}), static_cast<std::uint64_t>(-14));
  EXPECT_EQ(evaluate32("div.s32", {"-7", "2"}), static_cast<std::uint32_t>(-3));
  EXPECT_EQ(evaluate32("rem.s32", {"-7", "2"}), static_cast<std::uint32_t>(-1));
  EXPECT_EQ(evaluate32("div.u32", {"7", "0"}), 0xffffffffu);
  EXPECT_EQ(evaluate32("rem.u32", {"7", "0"}), 7u);
  EXPECT_EQ(evaluate32("div.s32", {"0x80000000", "-1"}), 0x80000000u);
  EXPECT_EQ(evaluate32("shl.b32", {"1", "32"}), 0u);
  EXPECT_EQ(evaluate32("shr.s32", {"-8", "40"}), 0xffffffffu);
  EXPECT_EQ(evaluate32("shr.u32", {"0x80000000", "31"}), 1u);
}

TEST(PtxInteger, BitFields) {
  EXPECT_EQ(evaluate32("bfe.u32", {"0xabcd1234", "8", "12"}), 0xd12u);
  EXPECT_EQ(evaluate32("bfe.s32", {"0x00000f00", "8", "4"}), 0xffffffffu);
  EXPECT_EQ(evaluate32("bfi.b32", {"0xff", "0x12345678", "4", "8"}), 0x12345ff8u);
  EXPECT_EQ(evaluate32("prmt.b32", {"0x33221100", "0x77665544", "0x7140"}), 0x77114400u);
  EXPECT_EQ(evaluate32("shf.l.wrap.b32", {"0x80000001", "0x1", "33"}), 3u);
  EXPECT_EQ(evaluate32("shf.r.clamp.b32", {"0x80000001", "0x5", "40"}), 5u);
  EXPECT_EQ(evaluate32("popc.b32", {"0xf0f"}), 8u);
  EXPECT_EQ(evaluate32("clz.b32", {"0"}), 32u);
  EXPECT_EQ(evaluate32("brev.b32", {"0x1"}), 0x80000000u);
  EXPECT_EQ(evaluate32("bfind.u32", {"0x100"}), 8u);
  // The sum a & b | ~a & c for every table: one case with all eight combinations of input bits in it.
  EXPECT_EQ(program("lop3.b32 %r5, 0xf0, 0xcc, 0xaa, 0xca; st.global.u32 [%rd1], %r5;").run()[0], 0xcau);
}

TEST(PtxCarry, ChainsAddSubtractAndMultiply) {
  const std::vector<std::uint32_t> sum = program(R"(
    add.cc.u32 %r5, 0xffffffff, 1; addc.cc.u32 %r6, 0xffffffff, 0; addc.u32 %r7, 5, 6;
    sub.cc.u32 %r8, 0, 1; subc.u32 %r9, 7, 2;
    mad.lo.cc.u32 %r10, 0xffffffff, 0xffffffff, 0xffffffff; madc.hi.u32 %r11, 0xffffffff, 0xffffffff, 3;
    st.global.v4.u32 [%rd1], {%r5, %r6, %r7, %r8}; st.global.v2.u32 [%rd1+16], {%r9, %r10};
    st.global.u32 [%rd1+24], %r11;)")
                                             .run();
  EXPECT_EQ(sum[0], 0u);
  EXPECT_EQ(sum[1], 0u);
  EXPECT_EQ(sum[2], 12u);
  EXPECT_EQ(sum[3], 0xffffffffu);
  EXPECT_EQ(sum[4], 4u);
  EXPECT_EQ(sum[5], 0u);                   // 1 + 0xffffffff, and a carry
  EXPECT_EQ(sum[6], 0xfffffffeu + 3 + 1);  // wraps to 2
}

TEST(PtxCarry, CarriesNothingWhereNothingOverflows) {
  const std::vector<std::uint32_t> sum = program(R"(
    add.cc.u32 %r5, 0xffffffff, 1; add.cc.u32 %r5, 3, 4; addc.cc.u32 %r6, 5, 6; addc.u32 %r7, 1, 1;
    sub.cc.u32 %r8, 9, 1; subc.u32 %r9, 7, 2; add.cc.u32 %r8, %r1, 0xfffffff0; addc.u32 %r10, 0, 0;
    st.global.u32 [%rd3], %r10; setp.eq.u32 %p1, %r1, 0; @%p1 st.global.v2.u32 [%rd1], {%r6, %r9};)")
                                             .run();
  EXPECT_EQ(sum[0], 11u);
  EXPECT_EQ(sum[1], 5u);
  EXPECT_EQ(sum[15], 0u);  // each lane has its own flag
  EXPECT_EQ(sum[16], 1u);
}

TEST(PtxFloat, RoundsInEveryDirection) {
  // 1 + 2^-30 lies between 1 and its successor.
  const std::string one = hex(1.0f), tiny = hex(std::ldexp(1.0f, -30)), minus = hex(-1.0f),
                    minus_tiny = hex(-std::ldexp(1.0f, -30));
  EXPECT_EQ(evaluate32("add.rn.f32", {one, tiny}), bits(1.0f));
  EXPECT_EQ(evaluate32("add.rp.f32", {one, tiny}), bits(1.0f) + 1);
  EXPECT_EQ(evaluate32("add.rm.f32", {minus, minus_tiny}), bits(-1.0f) + 1);
  EXPECT_EQ(evaluate32("add.rz.f32", {minus, minus_tiny}), bits(-1.0f));
  EXPECT_EQ(evaluate32("fma.rm.f32", {one, minus_tiny, one}), bits(1.0f) - 1);
  EXPECT_EQ(evaluate32("div.rn.f32", {one, hex(3.0f)}), bits(1.0f / 3.0f));
  EXPECT_EQ(evaluate32("sqrt.rn.f32", {hex(2.0f)}), bits(std::sqrt(2.0f)));
  EXPECT_EQ(evaluate64("add.rn.f64", {"0d3FF0000000000000", "0d3CA0000000000000"}), 0x3ff0000000000000u);
  EXPECT_EQ(evaluate64("add.rp.f64", {"0d3FF0000000000000", "0d3CA0000000000000"}), 0x3ff0000000000001u);
}

TEST(PtxFloat, FusesOnceAndHandlesSpecialValues) {
  const float a = 1.0f + std::ldexp(1.0f, -12);
  EXPECT_EQ(evaluate32("fma.rn.f32", {hex(a), hex(a), hex(-1.0f)}), bits(std::fma(a, a, -1.0f)));
  EXPECT_NE(bits(std::fma(a, a, -1.0f)), bits(a * a - 1.0f));
  EXPECT_EQ(evaluate32("max.f32", {hex(kNan), hex(2.0f)}), bits(2.0f));
  EXPECT_EQ(evaluate32("min.f32", {hex(0.0f), hex(-0.0f)}), bits(-0.0f));
  EXPECT_EQ(evaluate32("max.f32", {hex(-0.0f), hex(0.0f)}), bits(0.0f));
  EXPECT_EQ(evaluate32("max.NaN.f32", {hex(kNan), hex(2.0f)}), 0x7fffffffu);
  EXPECT_EQ(evaluate32("mul.ftz.f32", {hex(1e-30f), hex(1e-10f)}), 0u);
  EXPECT_NE(evaluate32("mul.f32", {hex(1e-30f), hex(1e-10f)}), 0u);
  EXPECT_EQ(evaluate32("add.sat.f32", {hex(0.75f), hex(0.5f)}), bits(1.0f));
  EXPECT_EQ(evaluate32("add.sat.f32", {hex(kNan), hex(0.5f)}), bits(0.0f));
  EXPECT_EQ(evaluate32("ex2.approx.ftz.f32", {hex(-3.0f)}), bits(0.125f));
}

TEST(PtxFloat, SixteenBitArithmeticRoundsOnce) {
  // bf16: 1.0078125 * 1.0078125 = 1.01568603515625, between 1.015625 and 1.0234375
  EXPECT_EQ(evaluate32("mul.bf16x2", {"0x3f813f81", "0x3f813f81"}), 0x3f823f82u);
  // A tie of bf16 (1 + 2^-8) plus something far below double precision goes up: one rounding of the exact sum.
  EXPECT_EQ(evaluate32("fma.rn.bf16x2", {"0x3f800000", "0x1f800000", "0x3f810000"}) >> 16, 0x3f81u);
  EXPECT_EQ(evaluate32("fma.rn.bf16x2", {"0x3f880000", "0x3f880000", "0x1f800000"}) >> 16, 0x3f91u);  // 1.12890625+
  EXPECT_EQ(evaluate32("fma.rn.bf16x2", {"0x3f880000", "0x3f880000", "0x9f800000"}) >> 16, 0x3f90u);  // 1.12890625-
  EXPECT_EQ(evaluate32("add.f16x2", {"0x3c003c00", "0x10008000"}), 0x3c003c00u);
  EXPECT_EQ(evaluate32("fma.rn.relu.f16x2", {"0x3c003c00", "0xbc003c00", "0"}), 0x00003c00u);
}

std::uint32_t to_bfloat16(float value) {
  return program("ld.global.f32 %f5, [%rd2]; cvt.rn.bf16.f32 %h5, %f5; st.global.b16 [%rd1], %h5;")
      .run({bits(value)})[0];
}

TEST(PtxConvert, FloatToBfloat16) {
  EXPECT_EQ(to_bfloat16(1.0f), 0x3f80u);
  EXPECT_EQ(to_bfloat16(to_float(0x3f808000)), 0x3f80u);  // tie to even: down
  EXPECT_EQ(to_bfloat16(to_float(0x3f818000)), 0x3f82u);  // tie to even: up
  EXPECT_EQ(to_bfloat16(to_float(0x3f808001)), 0x3f81u);
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::max()), 0x7f80u);
  EXPECT_EQ(to_bfloat16(-kInfinity), 0xff80u);
  EXPECT_EQ(to_bfloat16(kNan), 0x7fffu);
  EXPECT_EQ(to_bfloat16(-0.0f), 0x8000u);
  EXPECT_EQ(evaluate32("cvt.rn.bf16x2.f32", {hex(2.0f), hex(1.0f)}), 0x40003f80u);
  EXPECT_EQ(evaluate32("cvt.rn.relu.bf16x2.f32", {hex(-2.0f), hex(1.0f)}), 0x00003f80u);
}

TEST(PtxConvert, FloatAndInteger) {
  EXPECT_EQ(evaluate32("cvt.rni.s32.f32", {hex(2.5f)}), 2u);
  EXPECT_EQ(evaluate32("cvt.rzi.s32.f32", {hex(-2.7f)}), static_cast<std::uint32_t>(-2));
  EXPECT_EQ(evaluate32("cvt.rmi.s32.f32", {hex(-2.1f)}), static_cast<std::uint32_t>(-3));
  EXPECT_EQ(evaluate32("cvt.rzi.u32.f32", {hex(-5.0f)}), 0u);
  EXPECT_EQ(evaluate32("cvt.rzi.s32.f32", {hex(3e9f)}), 0x7fffffffu);
  EXPECT_EQ(evaluate32("cvt.rzi.s32.f32", {hex(kNan)}), 0u);
  EXPECT_EQ(evaluate64("cvt.rzi.s64.f64", {"0d7FF8000000000000"}), 1ull << 63);
  EXPECT_EQ(evaluate64("cvt.rzi.u64.f64", {"0dBFF0000000000000"}), 0u);
  EXPECT_EQ(program("cvt.rzi.s32.f64 %r5, 0d7FF8000000000000; st.global.u32 [%rd1], %r5;").run()[0], 0x80000000u);
  EXPECT_EQ(evaluate32("cvt.rn.f32.s32", {"16777217"}), bits(16777216.0f));
  EXPECT_EQ(evaluate32("cvt.rp.f32.s32", {"16777217"}), bits(16777218.0f));
  EXPECT_EQ(evaluate32("cvt.rni.f32.f32", {hex(3.5f)}), bits(4.0f));
  EXPECT_EQ(evaluate32("cvt.sat.f32.f32", {hex(-0.5f)}), bits(0.0f));
  EXPECT_EQ(evaluate32("cvt.sat.s8.s32", {"300"}), 127u);
  EXPECT_EQ(evaluate32("cvt.s8.s32", {"0x180"}), 0xffffff80u);
  EXPECT_EQ(evaluate32("cvt.rna.tf32.f32", {"0x3f801000"}), 0x3f802000u);
}

TEST(PtxCompare, NanMakesOrderedFalseAndUnorderedTrue) {
  EXPECT_EQ(evaluate32("set.lt.u32.f32", {hex(kNan), hex(1.0f)}), 0u);
  EXPECT_EQ(evaluate32("set.ltu.u32.f32", {hex(kNan), hex(1.0f)}), 0xffffffffu);
  EXPECT_EQ(evaluate32("set.ne.f32.f32", {hex(kNan), hex(1.0f)}), 0u);
  EXPECT_EQ(evaluate32("set.neu.f32.f32", {hex(kNan), hex(1.0f)}), bits(1.0f));
  EXPECT_EQ(evaluate32("set.lt.u32.s32", {"-1", "0"}), 0xffffffffu);
  EXPECT_EQ(evaluate32("set.lo.u32.u32", {"-1", "0"}), 0u);
  EXPECT_EQ(evaluate32("set.gt.bf16x2.bf16x2", {"0x40003f80", "0x3f804000"}), 0x3f800000u);
  EXPECT_EQ(evaluate32("set.gt.u32.f16x2", {"0x3c004000", "0x40003c00"}), 0x0000ffffu);
  EXPECT_EQ(evaluate32("slct.u32.s32", {"7", "9", "-1"}), 9u);
}

TEST(PtxCompare, PredicatesCombineAndPackedHalvesGoApart) {
  const std::vector<std::uint32_t> out = program(R"(
    setp.lt.u32 %p1, %r1, 8; setp.gt.and.s32 %p2|%p3, %r1, 3, %p1;
    mov.b32 %r6, 0x3c003c00; mov.b32 %r7, 0x40004000; setp.lt.f16x2 %p4|%p5, %r6, %r7;
    selp.b32 %r5, 1, 0, %p2; selp.b32 %r8, 2, 0, %p3; selp.b32 %r9, 4, 0, %p4; selp.b32 %r10, 8, 0, %p5;
    add.s32 %r5, %r5, %r8; add.s32 %r5, %r5, %r9; add.s32 %r5, %r5, %r10; st.global.u32 [%rd3], %r5;)")
                                             .run();
  EXPECT_EQ(out[2], 2u + 12);  // not above 3, below 8
  EXPECT_EQ(out[5], 1u + 12);
  EXPECT_EQ(out[20], 0u + 12);  // not below 8: both are false
}

}  // namespace
}  // namespace drift::emulator::ptx
