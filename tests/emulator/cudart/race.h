// The race check of global memory: happens-before by vector clocks (streams, events, host synchronisation) and, inside
// a graph, by its edges. A missing order is found under every schedule, not only where it does harm. Blocks of one
// launch are unordered too; inside a block only shared memory is checked (by the PTX interpreter). Beside it, by the
// byte: what nobody has written since it was allocated must not be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/cudart/clock.h"
#include "tests/emulator/cudart/memory.h"
#include "tests/emulator/ptx/ptx.h"

namespace drift::emulator {

// reaches[b][a]: node a of a graph happens before its node b.
using Reachability = std::vector<std::vector<bool>>;

struct OperationRecord {
  std::shared_ptr<const Clock> clock;
  std::uint32_t stream = 0, sequence = 0;
  std::string name;
  std::uint64_t graph_run = 0;  // 0: not a node of a graph
  std::size_t node = 0;
  std::shared_ptr<const Reachability> reaches;
};

class RaceChecker {
 public:
  static constexpr std::uint32_t kWholeOperation = 0x0ffffffe;  // in place of a block: copies, library calls

  RaceChecker() : records_(1), answers_(1) {}

  // From here on, what is touched is touched by this operation.
  void begin(OperationRecord record);
  // The blocks of the operation have all met: what follows is ordered after what they did before.
  void begin_phase();
  // This operation's blocks wait for each other, so that all must have a place at once: on `count` of the device's
  // `all` multiprocessors. Throws ptx::Error if others that may run at the same time leave it too few.
  void occupy(int device, std::int64_t count, std::int64_t all);
  // Throws ptx::Error if it is not ordered with what came before, or if it uses what it reads and nobody wrote that.
  void touch(Allocation& allocation, std::uint64_t address, std::size_t bytes, ptx::MemoryAccess access,
             std::uint32_t block, bool uses = true);

 private:
  struct Access;
  bool happens_before(const OperationRecord& then) const;
  bool ordered(std::uint32_t earlier);
  bool conflicts(const Access& access, std::uint32_t earlier, std::uint32_t earlier_block);
  void touch_word(Allocation& allocation, std::uint64_t word, const Access& access);
  void check_readers(Allocation& allocation, std::uint64_t word, const Access& access);
  void record_read(Allocation& allocation, std::uint64_t word, const Access& access);
  [[noreturn]] void fail_unwritten(const Allocation& allocation, std::uint64_t word) const;
  [[noreturn]] void fail(const Allocation& allocation, std::uint64_t word, const Access& access,
                         const std::string& relation, std::uint32_t earlier) const;

  // Of those that occupy multiprocessors, the last of each chain: none is ordered before another.
  struct Occupant {
    std::uint32_t operation;
    int device;
    std::int64_t count;
  };

  std::vector<OperationRecord> records_;
  std::vector<Occupant> occupants_;
  std::uint32_t current_ = 0;
  std::vector<std::uint32_t> answers_;  // of ordered(), by earlier operation: its bit beside who asked last
};

}  // namespace drift::emulator
