// atom and red, in global and shared memory. Lanes act one after another in lane order; scopes and orderings are
// accepted and make no difference, since instructions run one at a time.
#include "tests/emulator/ptx/decode.h"
#include "tests/emulator/ptx/memory.h"

namespace drift::emulator::ptx {
namespace {

// values[0], values[1]: the operands; d: the old value, or none for red.
template <typename T, typename F>
Handler atomic(F) {
  return [](Warp& warp, const Instruction& i, u32 mask) {
    const T* b = warp.lanes<T>(i.values[0]);
    const T* c = i.values[1] != kNone ? warp.lanes<T>(i.values[1]) : b;
    each_lane(mask, [&](int lane) {
      const u64 address = address_of(warp, i, lane);
      T* target = reinterpret_cast<T*>(resolve(warp, i, lane, i.space, address, sizeof(T), MemoryAccess::kAtomic));
      const T old = *target;
      *target = F()(old, b[lane], c[lane]);
      if (i.d != kNone) warp.lanes<T>(i.d)[lane] = old;
    });
  };
}

template <typename T>
Handler select_exchange(std::string_view operation) {
  if (operation == "exch") return atomic<T>([](T, T b, T) { return b; });
  if (operation == "cas") return atomic<T>([](T old, T b, T c) { return old == b ? c : old; });
  return nullptr;
}

template <typename T>
Handler select_number(std::string_view operation) {
  if (operation == "add") return atomic<T>([](T old, T b, T) { return static_cast<T>(old + b); });
  if (operation == "min") return atomic<T>([](T old, T b, T) { return b < old ? b : old; });
  if (operation == "max") return atomic<T>([](T old, T b, T) { return b > old ? b : old; });
  return select_exchange<T>(operation);
}

template <typename T>
Handler select_integer(std::string_view operation) {
  if (operation == "and") return atomic<T>([](T old, T b, T) { return static_cast<T>(old & b); });
  if (operation == "or") return atomic<T>([](T old, T b, T) { return static_cast<T>(old | b); });
  if (operation == "xor") return atomic<T>([](T old, T b, T) { return static_cast<T>(old ^ b); });
  if (operation == "inc") return atomic<T>([](T old, T b, T) { return old >= b ? T(0) : static_cast<T>(old + 1); });
  if (operation == "dec") {
    return atomic<T>([](T old, T b, T) { return old == 0 || old > b ? b : static_cast<T>(old - 1); });
  }
  return select_number<T>(operation);
}

template <typename T, int kPack>
void add_halves(Warp& warp, const Instruction& i, u32 mask) {
  const T* b = warp.lanes<T>(i.values[0]);
  each_lane(mask, [&](int lane) {
    const u64 address = address_of(warp, i, lane);
    T* target =
        reinterpret_cast<T*>(resolve(warp, i, lane, i.space, address, sizeof(T) * kPack, MemoryAccess::kAtomic));
    for (int k = 0; k < kPack; ++k) {
      const T old = target[k];
      target[k] = narrow<T>(static_cast<double>(widen(old)) + static_cast<double>(widen(b[lane * kPack + k])));
      if (i.d != kNone) warp.lanes<T>(i.d)[lane * kPack + k] = old;
    }
  });
}

Handler select(std::string_view operation, Type type) {
  const bool adds = operation == "add";
  switch (type) {
    case Type::kF16:
      return adds ? add_halves<Half, 1> : nullptr;
    case Type::kBF16:
      return adds ? add_halves<BFloat16, 1> : nullptr;
    case Type::kF16x2:
      return adds ? add_halves<Half, 2> : nullptr;
    case Type::kBF16x2:
      return adds ? add_halves<BFloat16, 2> : nullptr;
    case Type::kF32:
      return select_number<float>(operation);
    case Type::kF64:
      return select_number<double>(operation);
    default:
      return with_integer(type, [&](auto zero) { return select_integer<decltype(zero)>(operation); });
  }
}

// atom.global.add.f32 d, [a], b;   atom.cas.b32 d, [a], b, c;   red.shared.add.u32 [a], b;
void decode(Assembler& assembler, const Statement& statement, Instruction instruction) {
  static constexpr std::string_view kOperations[] = {"add", "min",  "max", "and", "or",
                                                     "xor", "exch", "cas", "inc", "dec"};
  const bool returns = statement.name() == "atom";
  const Type type = statement.type();
  const u32 bytes = bytes_of(type);
  const std::size_t first = returns ? 1 : 0;
  expect_operands(statement, first + (statement.has("cas") ? 3 : 2));
  for (const std::string_view operation : kOperations) {
    if (statement.has(operation)) instruction.run = select(operation, type);
  }
  if (instruction.run == nullptr || statement.has("v2") || statement.has("v4")) {
    statement.fail("unsupported instruction");
  }
  if (returns) instruction.d = assembler.write(statement.operands[0], bytes);
  instruction.values[0] = assembler.read(statement.operands[first + 1], bytes);
  if (statement.has("cas")) instruction.values[1] = assembler.read(statement.operands[first + 2], bytes);
  instruction.space = parse_space(statement);
  assembler.address(instruction, statement.operands[first]);
  instruction.slot = assembler.next_slot();
  assembler.emit(instruction);
}

}  // namespace

void add_atomics(DecoderTable& table) {
  table["atom"] = table["red"] = decode;
}

}  // namespace drift::emulator::ptx
