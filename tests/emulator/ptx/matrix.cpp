// What tensor cores are fed and do: ldmatrix, which hands 8x8 matrices out of shared memory to the lanes of a warp, and
// mma, the product of two matrices that lie spread over the lanes' registers. The executor has made sure that all lanes
// are here (Kind::kWarpSync without a member mask).
#include <cstring>

#include "tests/emulator/ptx/decode.h"
#include "tests/emulator/ptx/memory.h"

namespace drift::emulator::ptx {
namespace {

constexpr u32 kRowBytes = 16;  // of an 8x8 matrix of 16-bit elements
constexpr int kRows = 16, kColumns = 8, kInner = 16;

// Lane 8 m + r names row r of matrix m. Of each matrix lane l gets elements (l/4, 2 (l%4)) and the next one of the row;
// of the transposed one, variant 1, (2 (l%4), l/4) and the one below.
void load_matrices(Warp& warp, const Instruction& i, u32) {
  u16 rows[kLanes][kRowBytes / 2];
  Block& block = *warp.block;
  for (int lane = 0; lane < i.vector * 8; ++lane) {
    const char* row = resolve(warp, i, lane, Space::kShared, address_of(warp, i, lane), kRowBytes, MemoryAccess::kRead);
    std::memcpy(rows[lane], row, kRowBytes);
    const int receiver = lane % 8 * 4,
              other = receiver == lane ? receiver + 1 : receiver;  // than the one that names it
    const auto offset = static_cast<std::size_t>(row - block.shared.data());
    if (block.options->shared_races) check_shared_race(warp, i, other, offset, kRowBytes, MemoryAccess::kRead);
  }
  for (int matrix = 0; matrix < i.vector; ++matrix) {
    if (i.values[matrix] == kNone) continue;
    u16* d = warp.lanes<u16>(i.values[matrix]);
    const auto* rows_of_it = &rows[matrix * 8];
    for (int k = 0; k < 2 * kLanes; ++k) {
      const int outer = k / 8, inner = k % 8;  // k: lane and half of its register
      d[k] = i.variant == 1 ? rows_of_it[inner][outer] : rows_of_it[outer][inner];
    }
  }
}

// ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%r1, %r2, %r3, %r4}, [%r5];
void decode_load(Assembler& assembler, const Statement& statement, Instruction instruction) {
  expect_operands(statement, 2);
  const std::vector<std::string> targets = split(without_brackets(statement.operands[0]), ',');
  const u8 count = statement.has("x4") ? 4 : statement.has("x2") ? 2 : 1;
  const bool known = statement.has("sync") && statement.has("aligned") && statement.has("m8n8") &&
                     statement.type() == Type::kB16 && parse_space(statement) == Space::kShared;
  if (!known || targets.size() != count) statement.fail("unsupported instruction");
  for (std::size_t k = 0; k < targets.size(); ++k) instruction.values[k] = assembler.write(targets[k], 4);
  instruction.space = Space::kShared;
  assembler.address(instruction, statement.operands[1]);
  instruction.vector = count;
  instruction.variant = statement.has("trans") ? 1 : 0;
  instruction.kind = Kind::kWarpSync;
  instruction.aligned = true;
  instruction.run = load_matrices;
  assembler.emit(instruction);
}

// values: 4 registers of d, 4 of a, 2 of b, 4 of c. With g = lane/4 and t = 2 (lane%4) a register holds, of d and c,
// one element: (g, t), (g, t+1), (g+8, t), (g+8, t+1); of a, that one and the next of the row: (g, t), (g+8, t),
// (g, t+8), (g+8, t+8); of b, that one and the one below: (t, g), (t+8, g).
// Products are exact, and their sum is rounded once. (How a device rounds it is not documented.)
void multiply(Warp& warp, const Instruction& i, u32) {
  double a[kRows][kInner], b[kInner][kColumns], sums[kRows][kColumns];
  for (int lane = 0; lane < kLanes; ++lane) {
    const int g = lane / 4, t = lane % 4 * 2;
    const auto value = [&](int k, int half) {
      return double{widen(warp.lanes<BFloat16>(i.values[k])[2 * lane + half])};
    };
    for (int half = 0; half < 2; ++half) {
      for (int k = 0; k < 4; ++k) a[g + k % 2 * 8][t + k / 2 * 8 + half] = value(4 + k, half);
      for (int k = 0; k < 2; ++k) b[t + k * 8 + half][g] = value(8 + k, half);
    }
    for (int k = 0; k < 4; ++k) sums[g + k / 2 * 8][t + k % 2] = double{warp.lanes<float>(i.values[10 + k])[lane]};
  }
  for (int row = 0; row < kRows; ++row) {
    for (int k = 0; k < kInner; ++k) {
      for (int column = 0; column < kColumns; ++column) sums[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const int g = lane / 4, t = lane % 4 * 2;
    for (int k = 0; k < 4; ++k) {
      warp.lanes<float>(i.values[k])[lane] = static_cast<float>(sums[g + k / 2 * 8][t + k % 2]);
    }
  }
}

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%f1, ...}, {%r1, ...}, {%r5, %r6}, {%f5, ...};
void decode_multiply(Assembler& assembler, const Statement& statement, Instruction instruction) {
  static const std::vector<std::string> kKnown = {"mma", "sync", "aligned", "m16n8k16", "row",
                                                  "col", "f32",  "bf16",    "bf16",     "f32"};
  if (statement.opcode != kKnown) statement.fail("unsupported instruction");
  expect_operands(statement, 4);
  std::size_t next = 0;
  for (std::size_t k = 0; k < 4; ++k) {
    const std::vector<std::string> registers = split(without_brackets(statement.operands[k]), ',');
    if (registers.size() != (k == 2 ? 2 : 4)) statement.fail("unsupported instruction");
    for (const std::string& name : registers) {
      const int offset = k == 0 ? assembler.write(name, 4) : assembler.read(name, 4);
      if (offset == kNone) statement.fail("unsupported instruction");
      instruction.values[next++] = offset;
    }
  }
  instruction.kind = Kind::kWarpSync;
  instruction.aligned = true;
  instruction.run = multiply;
  assembler.emit(instruction);
}

}  // namespace

void add_matrix(DecoderTable& table) {
  table["ldmatrix"] = decode_load;
  table["mma"] = decode_multiply;
}

}  // namespace drift::emulator::ptx
