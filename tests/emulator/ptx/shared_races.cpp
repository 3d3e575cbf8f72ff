#include "tests/emulator/ptx/shared_races.h"

#include <algorithm>

namespace drift::emulator::ptx {

void SharedRaces::forget_copies() {
  for (Word& word : words_) word.copies = 0;
}

std::string SharedRaces::describe(std::size_t offset, std::size_t bytes, u32 thread, MemoryAccess access) const {
  std::size_t word = offset / 4;
  const u8 mask = bytes >= 4 ? 0xf : byte_mask(offset, bytes);
  while (word < (offset + bytes - 1) / 4 && !conflict(words_[word], mask, thread / 32, access)) ++word;
  const Word& seen = words_[word];
  const std::string place = "shared offset " + std::to_string(offset);
  const char* what = access == MemoryAccess::kRead ? "read" : "write";
  if (seen.copies != 0) {
    return std::string(what) + " at " + place + ", which a cp.async still fills: a cp.async.wait is missing before it";
  }
  const bool with_write = seen.write_epoch == epoch_ && seen.writer / 32 != thread / 32 && (seen.written & mask) != 0;
  const u32 other = with_write ? seen.writer : seen.reader;
  return std::string("shared-memory race: ") + what + " at " + place + " conflicts with a " +
         (with_write ? "write" : "read") + " by " +
         (other == kSeveral ? "several warps" : "thread " + std::to_string(other)) + " since the last barrier";
}

void SharedRaces::count_copy(std::size_t offset, std::size_t bytes, int change) {
  for (std::size_t word = offset / 4; word <= (offset + bytes - 1) / 4; ++word) {
    words_[word].copies = static_cast<u8>(std::max(0, words_[word].copies + change));
  }
}

}  // namespace drift::emulator::ptx
