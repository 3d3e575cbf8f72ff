#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {

Decoder find_decoder(const Statement& statement) {
  static const DecoderTable table = [] {
    DecoderTable all;
    for (auto* add : {add_arithmetic, add_async_copy, add_atomics, add_barrier, add_bits, add_carry, add_compare,
                      add_control, add_convert, add_matrix, add_memory, add_move, add_warp_exchange}) {
      add(all);
    }
    return all;
  }();
  const auto found = table.find(statement.name());
  if (found == table.end()) statement.fail("unsupported instruction");
  return found->second;
}

void expect_operands(const Statement& statement, std::size_t count) {
  if (statement.operands.size() == count) return;
  statement.fail("unsupported instruction (" + std::to_string(statement.operands.size()) + " operands, expected " +
                 std::to_string(count) + ")");
}

void read_modifiers(const Statement& statement, Instruction& instruction) {
  struct Mode {
    std::string_view plain, integral;
    Rounding rounding;
  };
  static constexpr Mode kModes[] = {{"rn", "rni", Rounding::kNearest},
                                    {"rm", "rmi", Rounding::kDown},
                                    {"rp", "rpi", Rounding::kUp},
                                    {"rz", "rzi", Rounding::kZero}};
  for (const Mode& mode : kModes) {
    const bool integral = statement.has(mode.integral);
    if (integral || statement.has(mode.plain)) instruction.rounding = mode.rounding;
    instruction.integral |= integral;
  }
  instruction.saturate = statement.has("sat");
  instruction.flush = statement.has("ftz");
  instruction.relu = statement.has("relu");
}

}  // namespace drift::emulator::ptx
