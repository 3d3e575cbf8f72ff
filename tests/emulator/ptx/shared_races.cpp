#include "tests/emulator/ptx/shared_races.h"

#include <algorithm>

namespace drift::emulator::ptx {

void SharedRaces::forget_copies() {
  for (Word& word : words_) word.copies = 0;
}

std::string SharedRaces::describe(std::size_t offset, std::size_t bytes, u32 thread, MemoryAccess access) const {
  std::size_t word = offset / 4;
  const u8 mask = bytes >= 4 ? 0xf : byte_mask(offset, bytes);
  const auto fine = [&](const Word& seen) { return !conflict(seen, mask, thread, access) && !unwritten(seen, mask); };
  while (word < (offset + bytes - 1) / 4 && fine(words_[word])) ++word;
  const Word& seen = words_[word];
  const std::string place = "shared offset " + std::to_string(offset);
  const char* what = access == MemoryAccess::kRead ? "read" : "write";
  if (seen.copies != 0) {
    return std::string(what) + " at " + place + ", which a cp.async still fills: a cp.async.wait is missing before it";
  }
  if (!conflict(seen, mask, thread, access)) {
    return "read at " + place +
           ", which nobody has written since the block began: never, or for lack of a barrier not yet";
  }
  const bool with_write = conflict_with_write(seen, mask, thread, access);
  const u32 other = with_write ? seen.writer : seen.reader;
  const std::string start = std::string("shared-memory race: ") + what + " at " + place + " conflicts with a " +
                            (with_write ? "write" : "read") + " by ";
  if (other == kSeveral) return start + "several warps since the last barrier";
  if (other / 32 != thread / 32) return start + "thread " + std::to_string(other) + " since the last barrier";
  const std::string lane = other == thread ? "another lane" : "thread " + std::to_string(other);
  return start + lane + " of the same warp, and no __syncwarp lies between";
}

int SharedRaces::rival_lane(std::size_t offset, std::size_t bytes, u32 thread) const {
  const u8 mask = bytes >= 4 ? 0xf : byte_mask(offset, bytes);
  int rival = -1;
  for (std::size_t word = offset / 4; word <= (offset + bytes - 1) / 4; ++word) {
    const Word& seen = words_[word];
    if (!conflict(seen, mask, thread, MemoryAccess::kWrite)) continue;
    const bool only_write = seen.copies == 0 && !conflict_with_read(seen, mask, thread) && !seen.atomic;
    const int lane = only_write && seen.writer / 32 == thread / 32 ? static_cast<int>(seen.writer % 32) : -1;
    if (lane < 0 || (rival >= 0 && rival != lane)) return -1;
    rival = lane;
  }
  return rival;
}

void SharedRaces::admit_again(std::size_t offset, std::size_t bytes, u32 thread) {
  const u8 mask = bytes >= 4 ? 0xf : byte_mask(offset, bytes);
  for (std::size_t word = offset / 4; word <= (offset + bytes - 1) / 4; ++word) {
    record_write(words_[word], mask, thread, /*atomic=*/false);
  }
}

void SharedRaces::count_copy(std::size_t offset, std::size_t bytes, int change) {
  for (std::size_t word = offset / 4; word <= (offset + bytes - 1) / 4; ++word) {
    words_[word].copies = static_cast<u8>(std::max(0, words_[word].copies + change));
  }
}

}  // namespace drift::emulator::ptx
