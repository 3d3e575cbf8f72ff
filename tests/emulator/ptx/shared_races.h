// Finds races inside a block in shared memory: two threads touch the same byte and at least one of them writes, with
// neither a barrier of the block nor, within one warp, a __syncwarp of both between. That a warp happens to run in
// lockstep orders nothing. Also finds the use of bytes that a cp.async still fills, or that nobody has written since
// the block began. It remembers the last writer and the last reader of each 4-byte word, so that it reports only real
// races.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/emulator/ptx/lane_meetings.h"
#include "tests/emulator/ptx/ptx.h"
#include "tests/emulator/ptx/types.h"

namespace drift::emulator::ptx {

class SharedRaces {
 public:
  void resize(std::size_t shared_bytes, u32 threads) {
    words_.assign(shared_bytes / 4 + 1, Word());
    meetings_.resize(threads);
  }
  // From here on nothing is written.
  void begin_block() { begin_ = barrier_ = ++now_; }
  // A barrier of the whole block: what came before is ordered with what comes after.
  void order_block() { barrier_ = ++now_; }
  // bar.warp.sync by these lanes: orders them alone.
  void order_lanes(u32 warp, u32 mask) { meetings_.meet(warp, mask, ++now_); }
  void forget_copies();

  // Records the access; false if it is wrong. strong accesses (atomic, volatile) are kAtomic and may meet their like;
  // `reads`: the bytes must hold something.
  bool admit(std::size_t offset, std::size_t bytes, u32 thread, MemoryAccess access, bool reads) {
    const std::size_t last = (offset + bytes - 1) / 4;
    for (std::size_t word = offset / 4; word <= last; ++word) {
      const u8 mask = bytes >= 4 ? 0xf : byte_mask(offset, bytes);
      Word& seen = words_[word];
      const bool quiet = seen.write_time < barrier_ && seen.read_time < barrier_ && seen.copies == 0;
      if (!quiet && conflict(seen, mask, thread, access)) return false;
      if (reads && unwritten(seen, mask)) return false;
      record(seen, mask, thread, access);
    }
    return true;
  }
  // What was wrong with an access that was not admitted.
  std::string describe(std::size_t offset, std::size_t bytes, u32 thread, MemoryAccess access) const;
  // The lane whose write is all that is wrong with a plain write of the same warp; -1: it is not all. If both write the
  // same value, admit_again() takes the write.
  int rival_lane(std::size_t offset, std::size_t bytes, u32 thread) const;
  void admit_again(std::size_t offset, std::size_t bytes, u32 thread);
  // A cp.async to these bytes starts (+1) or lands (-1).
  void count_copy(std::size_t offset, std::size_t bytes, int change);

 private:
  static constexpr u32 kSeveral = ~0u;  // readers of more than one warp

  struct Word {
    u32 writer = 0, reader = 0;  // threads
    u32 write_time = 0, read_time = 0;
    u8 written = 0, read = 0;                  // bytes of the word, one bit each: by the warp of the thread
    u8 written_by_last = 0, read_by_last = 0;  // by the thread itself
    bool atomic = false;                       // the last write was
    bool several_lanes = false;                // have read read_by_last, the reader is the last of them
    u8 copies = 0;                             // under way
    u8 filled = 0;                             // bytes written in the block of write_time
  };

  // Accesses are aligned: one below 4 bytes lies in one word.
  static u8 byte_mask(std::size_t offset, std::size_t bytes) {
    return static_cast<u8>(((1u << bytes) - 1) << offset % 4);
  }
  bool unwritten(const Word& seen, u8 bytes) const { return seen.write_time < begin_ || (bytes & ~seen.filled) != 0; }
  bool conflict(const Word& seen, u8 bytes, u32 thread, MemoryAccess access) const {
    return seen.copies != 0 || conflict_with_write(seen, bytes, thread, access) ||
           (access != MemoryAccess::kRead && conflict_with_read(seen, bytes, thread));
  }
  bool conflict_with_write(const Word& seen, u8 bytes, u32 thread, MemoryAccess access) const {
    if (seen.write_time < barrier_ || (seen.written & bytes) == 0 || seen.writer == thread) return false;
    if (access == MemoryAccess::kAtomic && seen.atomic) return false;
    if (seen.writer / 32 != thread / 32) return true;
    return (seen.written_by_last & bytes) != 0 && seen.write_time >= meetings_.last(thread, seen.writer % 32);
  }
  bool conflict_with_read(const Word& seen, u8 bytes, u32 thread) const {
    if (seen.read_time < barrier_ || (seen.read & bytes) == 0) return false;
    if (seen.reader == kSeveral || seen.reader / 32 != thread / 32) return true;
    return (seen.read_by_last & bytes) != 0 && read_by_other_lane(seen, thread);
  }
  // Not ordered before what the thread does now. Of several readers one alone is known: only if the thread has met
  // nobody since is it sure that another one is among them.
  bool read_by_other_lane(const Word& seen, u32 thread) const {
    if (!seen.several_lanes && seen.reader == thread) return false;
    return seen.read_time >= meetings_.last(thread, (seen.several_lanes ? thread : seen.reader) % 32);
  }
  void record(Word& seen, u8 bytes, u32 thread, MemoryAccess access) const {
    if (access == MemoryAccess::kRead) {
      record_read(seen, bytes, thread);
    } else {
      record_write(seen, bytes, thread, access == MemoryAccess::kAtomic);
    }
  }
  void record_read(Word& seen, u8 bytes, u32 thread) const {
    const bool current = seen.read_time >= barrier_;
    const bool same_warp = current && seen.reader != kSeveral && seen.reader / 32 == thread / 32;
    if (current && !same_warp && (seen.read & bytes) != 0) {  // others have read some of these bytes: keep those
      seen.reader = kSeveral;
      seen.read &= bytes;
      return;
    }
    const bool again = same_warp && seen.reader == thread && seen.read_time == now_;
    const bool with_others = same_warp && (seen.read_by_last & bytes) != 0 && read_by_other_lane(seen, thread);
    if (with_others) {
      seen.read_by_last &= bytes;
    } else {
      seen.read_by_last = again && !seen.several_lanes ? static_cast<u8>(seen.read_by_last | bytes) : bytes;
    }
    seen.several_lanes = with_others;
    seen.read = same_warp ? static_cast<u8>(seen.read | bytes) : bytes;
    seen.reader = thread;
    seen.read_time = now_;
  }
  void record_write(Word& seen, u8 bytes, u32 thread, bool atomic) const {
    const bool same_kind = seen.write_time >= barrier_ && seen.atomic == atomic;
    const bool again = same_kind && seen.writer == thread && seen.write_time == now_;
    const bool same_warp = same_kind && seen.writer / 32 == thread / 32;
    seen.written_by_last = again ? static_cast<u8>(seen.written_by_last | bytes) : bytes;
    seen.written = same_warp ? static_cast<u8>(seen.written | bytes) : bytes;
    seen.filled = seen.write_time >= begin_ ? static_cast<u8>(seen.filled | bytes) : bytes;
    seen.atomic = atomic;
    seen.writer = thread;
    seen.write_time = now_;
  }

  std::vector<Word> words_;
  LaneMeetings meetings_;
  u32 now_ = 1, barrier_ = 1;  // counts what orders; when all threads of the block were ordered last
  u32 begin_ = 1;              // of the block
};

}  // namespace drift::emulator::ptx
