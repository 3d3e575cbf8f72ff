#include "tests/emulator/cudart/race.h"

#include <algorithm>
#include <utility>

namespace drift::emulator {
namespace {

constexpr std::uint32_t kBlockBits = 0x0fffffff;
constexpr std::uint32_t kSeveralBlocks = kBlockBits;
constexpr std::uint32_t kAtomicBlock = RaceChecker::kWholeOperation - 1;  // atomics of all blocks agree

std::uint32_t block_of(std::uint32_t packed) {
  return packed & kBlockBits;
}
std::uint32_t bytes_of(std::uint32_t packed) {
  return packed & ~kBlockBits;
}

const char* verb(ptx::MemoryAccess access) {
  switch (access) {
    case ptx::MemoryAccess::kRead:
      return "read";
    case ptx::MemoryAccess::kWrite:
      return "write";
    case ptx::MemoryAccess::kAtomic:
      return "atomic";
  }
  return "access";
}

}  // namespace

struct RaceChecker::Access {
  ptx::MemoryAccess kind;
  std::uint32_t packed;  // block and bytes, as in ShadowWord
  bool uses;             // reads, and needs what it reads
};

void RaceChecker::begin(OperationRecord record) {
  records_.push_back(std::move(record));
  current_ = static_cast<std::uint32_t>(records_.size() - 1);
  answers_.resize(records_.size());
}

void RaceChecker::begin_phase() {
  begin(OperationRecord(records_[current_]));
}

bool RaceChecker::happens_before(const OperationRecord& then) const {
  const OperationRecord& now = records_[current_];
  if (now.graph_run != 0 && now.graph_run == then.graph_run) {
    return now.node == then.node || (*now.reaches)[now.node][then.node];
  }
  return now.clock->has_seen(then.stream, then.sequence);
}

inline bool RaceChecker::ordered(std::uint32_t earlier) {
  std::uint32_t& answer = answers_[earlier];
  if (answer >> 1 != current_) answer = current_ << 1 | (happens_before(records_[earlier]) ? 1 : 0);
  return (answer & 1) != 0;
}

inline bool RaceChecker::conflicts(const Access& access, std::uint32_t earlier, std::uint32_t earlier_block) {
  if (earlier == 0 || (bytes_of(earlier_block) & bytes_of(access.packed)) == 0) return false;
  if (earlier != current_) return !ordered(earlier);
  return block_of(earlier_block) != block_of(access.packed) || block_of(earlier_block) == kSeveralBlocks;
}

void RaceChecker::occupy(int device, std::int64_t count, std::int64_t all) {
  std::erase_if(occupants_, [this](const Occupant& earlier) { return ordered(earlier.operation); });
  std::int64_t wanted = count;
  for (const Occupant& other : occupants_) wanted += other.device == device ? other.count : 0;
  if (wanted > all) {
    throw ptx::Error("the blocks of '" + records_[current_].name + "' wait for each other and need " +
                     std::to_string(count) + " multiprocessors; others like it on stream " +
                     std::to_string(records_[occupants_.back().operation].stream) +
                     " and elsewhere, which may run at the same time, need " + std::to_string(wanted - count) +
                     ", and the device has " + std::to_string(all) + ": each could wait for ever");
  }
  occupants_.push_back({current_, device, count});
}

inline void RaceChecker::check_readers(Allocation& allocation, std::uint64_t word, const Access& access) {
  const ShadowWord& shadow = allocation.shadow[word];
  // A plain read before an atomic of the same launch is how compare-and-swap loops begin.
  const bool loop = access.kind == ptx::MemoryAccess::kAtomic && shadow.reader == current_;
  if (!loop && conflicts(access, shadow.reader, shadow.reader_block)) {
    fail(allocation, word, access, "a read", shadow.reader);
  }
  if (allocation.more_readers.empty()) return;
  const auto more = allocation.more_readers.find(word);
  if (more == allocation.more_readers.end()) return;
  for (const Reader& reader : more->second) {
    if (conflicts(access, reader.operation, reader.block)) {
      fail(allocation, word, access, "a read", reader.operation);
    }
  }
  allocation.more_readers.erase(more);
}

inline void RaceChecker::record_read(Allocation& allocation, std::uint64_t word, const Access& access) {
  ShadowWord& shadow = allocation.shadow[word];
  if (shadow.reader == current_) {
    const bool same = block_of(shadow.reader_block) == block_of(access.packed);
    shadow.reader_block = (same ? access.packed : access.packed | kSeveralBlocks) | bytes_of(shadow.reader_block);
    return;
  }
  // A read that happens before this one need not be kept: what is ordered after this one is ordered after it too.
  if (shadow.reader != 0 && !ordered(shadow.reader)) {
    std::vector<Reader>& readers = allocation.more_readers[word];
    std::erase_if(readers, [this](const Reader& reader) { return ordered(reader.operation); });
    readers.push_back(Reader{shadow.reader, shadow.reader_block});
  }
  shadow.reader = current_;
  shadow.reader_block = access.packed;
}

inline __attribute__((always_inline)) void RaceChecker::touch_word(Allocation& allocation, std::uint64_t word,
                                                                   const Access& access) {
  ShadowWord& shadow = allocation.shadow[word];
  const std::uint32_t bytes = access.packed >> 28;
  const bool reads = access.kind == ptx::MemoryAccess::kRead;
  if (conflicts(access, shadow.writer, shadow.writer_block)) {
    fail(allocation, word, access, "a write", shadow.writer);
  }
  if (!reads) check_readers(allocation, word, access);
  if (access.uses && (bytes & ~shadow.filled) != 0) fail_unwritten(allocation, word);
  if (reads) return record_read(allocation, word, access);
  const bool again = shadow.writer == current_ && block_of(shadow.writer_block) == block_of(access.packed);
  shadow.writer_block = access.packed | (again ? bytes_of(shadow.writer_block) : 0);
  shadow.writer = current_;
  shadow.filled |= bytes;
}

void RaceChecker::touch(Allocation& allocation, std::uint64_t address, std::size_t bytes, ptx::MemoryAccess access,
                        std::uint32_t block, bool uses) {
  if (access != ptx::MemoryAccess::kRead) ++allocation.device_writes;
  if (allocation.shadow == nullptr || bytes == 0) return;
  const std::uint64_t first = address - allocation.begin;
  const std::uint64_t last = first + bytes - 1;
  const std::uint32_t owner = access == ptx::MemoryAccess::kAtomic ? kAtomicBlock : block;
  uses &= access != ptx::MemoryAccess::kWrite && allocation.kind == MemoryKind::kDevice;
  for (std::uint64_t word = first / 4; word <= last / 4; ++word) {
    const std::uint64_t from = std::max(first, word * 4) - word * 4;
    const std::uint64_t to = std::min(last, word * 4 + 3) - word * 4;
    const auto touched = static_cast<std::uint32_t>((0xfu >> (3 - to)) & (0xfu << from));
    touch_word(allocation, word, Access{access, owner | (touched << 28), uses});
  }
}

void RaceChecker::fail_unwritten(const Allocation& allocation, std::uint64_t word) const {
  throw ptx::Error("read of memory that nobody has written since it was allocated: " +
                   hexadecimal(allocation.begin + word * 4) + " (" + std::to_string(word * 4) + " bytes into " +
                   std::to_string(allocation.bytes()) + ") on stream " + std::to_string(records_[current_].stream));
}

void RaceChecker::fail(const Allocation& allocation, std::uint64_t word, const Access& access,
                       const std::string& relation, std::uint32_t earlier) const {
  const std::string place = std::string(verb(access.kind)) + " at " + hexadecimal(allocation.begin + word * 4) + " (" +
                            std::to_string(word * 4) + " bytes into " + std::to_string(allocation.bytes()) + ")";
  const std::string other = earlier == current_
                                ? "conflicts with " + relation + " by another block of the same launch"
                                : "is not ordered after " + relation + " by '" + records_[earlier].name +
                                      "' on stream " + std::to_string(records_[earlier].stream);
  throw ptx::Error("global memory race: the " + place + " on stream " + std::to_string(records_[current_].stream) +
                   " " + other);
}

}  // namespace drift::emulator
