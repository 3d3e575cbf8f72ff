#include "tests/emulator/ptx/warp.h"

namespace drift::emulator::ptx {
namespace {

std::string triple(u32 x, u32 y, u32 z) {
  return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
}

}  // namespace

void fail_at(const Warp& warp, const Instruction& instruction, int lane, const std::string& what) {
  const Block& block = *warp.block;
  const Program& program = *block.program;
  const Site& site = program.sites[static_cast<std::size_t>(&instruction - program.code.data())];
  const u32 thread = warp.thread(lane);
  const Dim3& size = block.size;
  const std::string place = triple(thread % size.x, thread / size.x % size.y, thread / (size.x * size.y));
  const std::string source = site.source_line != 0 ? " (source line " + std::to_string(site.source_line) + ")" : "";
  throw Error(what + " [kernel " + program.kernel_name + ", block " +
              triple(block.index.x, block.index.y, block.index.z) + ", thread " + place + ", PTX line " +
              std::to_string(site.line) + source + ": " + site.text + "]");
}

}  // namespace drift::emulator::ptx
