// Arithmetic longer than a register: add.cc, addc, sub.cc, subc, mad.cc, madc on the carry flag CC.CF of each lane.
#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

// The product of `mad`, or `a` itself; then + c + carry or - c - borrow. Templates on what does not change per lane.
template <typename T, bool kSubtract>
void run(Warp& warp, const Instruction& i, u32 mask) {
  T* d = warp.lanes<T>(i.d);
  const T* a = warp.lanes<T>(i.a);
  const T* b = warp.lanes<T>(i.b);
  const T* c = i.c != kNone ? warp.lanes<T>(i.c) : nullptr;
  const bool uses_carry = (i.variant & 1) != 0, sets_carry = (i.variant & 2) != 0, high = (i.variant & 4) != 0;
  const u32 carry_in = uses_carry ? warp.predicate(kCarryFlag) : 0;
  u32 carry_out = 0;
  each_lane(mask, [&](int lane) {
    T left = a[lane], right = b[lane];
    if (c != nullptr) {
      const u128 product = static_cast<u128>(left) * right;
      left = static_cast<T>(high ? product >> 8 * sizeof(T) : product);
      right = c[lane];
    }
    T result = 0;
    const T carry = carry_in >> lane & 1;
    bool over = false;
    if constexpr (kSubtract) {
      over = __builtin_sub_overflow(left, right, &result);
      over |= __builtin_sub_overflow(result, carry, &result);
    } else {
      over = __builtin_add_overflow(left, right, &result);
      over |= __builtin_add_overflow(result, carry, &result);
    }
    carry_out |= static_cast<u32>(over) << lane;
    d[lane] = result;
  });
  if (sets_carry) warp.assign_predicate(kCarryFlag, carry_out, mask);
}

}  // namespace

void decode_carry(Assembler& assembler, const Statement& statement, Instruction instruction) {
  const std::string& name = statement.name();
  const Type type = statement.type();
  const u32 bytes = bytes_of(type);
  const bool multiplies = name.starts_with("mad"), high = statement.has("hi");
  // The high half of a signed product is not that of the unsigned one.
  if (is_float(type) || bytes < 4 || (multiplies && high && is_signed(type))) statement.fail("unsupported instruction");
  expect_operands(statement, multiplies ? 4 : 3);
  instruction.d = assembler.write(statement.operands[0], bytes);
  instruction.a = assembler.read(statement.operands[1], bytes);
  instruction.b = assembler.read(statement.operands[2], bytes);
  if (multiplies) instruction.c = assembler.read(statement.operands[3], bytes);
  instruction.variant = static_cast<u8>((name.back() == 'c' ? 1 : 0) | (statement.has("cc") ? 2 : 0) | (high ? 4 : 0));
  const bool subtracts = name.starts_with("sub");
  if (bytes == 4) {
    instruction.run = subtracts ? run<u32, true> : run<u32, false>;
  } else {
    instruction.run = subtracts ? run<u64, true> : run<u64, false>;
  }
  assembler.emit(instruction);
}

void add_carry(DecoderTable& table) {
  for (const char* name : {"addc", "subc", "madc"}) table[name] = decode_carry;
}

}  // namespace drift::emulator::ptx
