// Finds races between the warps of a block in shared memory: two warps touch the same byte between two barriers and at
// least one of them writes. Also finds the use of bytes that a cp.async still fills.
// It remembers the last writer and the last reader of each 4-byte word, so that it reports only real races.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/emulator/ptx/ptx.h"
#include "tests/emulator/ptx/types.h"

namespace drift::emulator::ptx {

class SharedRaces {
 public:
  void resize(std::size_t shared_bytes) { words_.assign(shared_bytes / 4 + 1, Word()); }
  // A barrier of the whole block, or a new block: what came before is ordered with what comes after.
  void next_epoch() { ++epoch_; }
  void forget_copies();

  // Records the access; false if it is wrong. strong accesses (atomic, volatile) are kAtomic and may meet their like.
  bool admit(std::size_t offset, std::size_t bytes, u32 thread, MemoryAccess access) {
    const std::size_t last = (offset + bytes - 1) / 4;
    for (std::size_t word = offset / 4; word <= last; ++word) {
      const u8 mask = bytes >= 4 ? 0xf : byte_mask(offset, bytes);
      Word& seen = words_[word];
      const bool quiet = seen.write_epoch != epoch_ && seen.read_epoch != epoch_ && seen.copies == 0;
      if (!quiet && conflict(seen, mask, thread / 32, access)) return false;
      record(seen, mask, thread, access);
    }
    return true;
  }
  // What was wrong with an access that was not admitted.
  std::string describe(std::size_t offset, std::size_t bytes, u32 thread, MemoryAccess access) const;
  // A cp.async to these bytes starts (+1) or lands (-1).
  void count_copy(std::size_t offset, std::size_t bytes, int change);

 private:
  static constexpr u32 kSeveral = ~0u;  // readers of more than one warp

  struct Word {
    u32 writer = 0, reader = 0;  // threads
    u32 write_epoch = 0, read_epoch = 0;
    u8 written = 0, read = 0;  // bytes of the word, one bit each
    bool atomic = false;       // the last write was
    u8 copies = 0;             // under way
  };

  // Accesses are aligned: one below 4 bytes lies in one word.
  static u8 byte_mask(std::size_t offset, std::size_t bytes) {
    return static_cast<u8>(((1u << bytes) - 1) << offset % 4);
  }
  bool conflict(const Word& seen, u8 bytes, u32 warp, MemoryAccess access) const {
    if (seen.copies != 0) return true;
    const bool written = seen.write_epoch == epoch_ && seen.writer / 32 != warp && (seen.written & bytes) != 0;
    if (written && !(access == MemoryAccess::kAtomic && seen.atomic)) return true;
    return access != MemoryAccess::kRead && seen.read_epoch == epoch_ && (seen.read & bytes) != 0 &&
           (seen.reader == kSeveral || seen.reader / 32 != warp);
  }
  void record(Word& seen, u8 bytes, u32 thread, MemoryAccess access) const {
    if (access == MemoryAccess::kRead) {
      record_read(seen, bytes, thread);
    } else {
      record_write(seen, bytes, thread, access == MemoryAccess::kAtomic);
    }
  }
  void record_read(Word& seen, u8 bytes, u32 thread) const {
    const bool current = seen.read_epoch == epoch_;
    const bool same_warp = current && seen.reader != kSeveral && seen.reader / 32 == thread / 32;
    if (current && !same_warp && (seen.read & bytes) != 0) {  // others have read some of these bytes: keep those
      seen.reader = kSeveral;
      seen.read &= bytes;
      return;
    }
    seen.read = same_warp ? static_cast<u8>(seen.read | bytes) : bytes;
    seen.reader = thread;
    seen.read_epoch = epoch_;
  }
  void record_write(Word& seen, u8 bytes, u32 thread, bool atomic) const {
    const bool same_warp = seen.write_epoch == epoch_ && seen.writer / 32 == thread / 32;
    seen.written = same_warp && seen.atomic == atomic ? static_cast<u8>(seen.written | bytes) : bytes;
    seen.atomic = atomic;
    seen.writer = thread;
    seen.write_epoch = epoch_;
  }

  std::vector<Word> words_;
  u32 epoch_ = 1;
};

}  // namespace drift::emulator::ptx
