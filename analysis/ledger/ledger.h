// Ledger: where the time of a step goes, for each kind of step: what its operations take beside what they would take at
// least, what averages cost and why, and what is left. All are means over the middle half of a worker's steps, by how
// long they took, then over workers: as hard to disturb as medians, but parts add up to the whole, also where workers
// take turns.
//
// A wait in the communicator is divided as follows. In all processes it ends at the same moment, for the first worker
// or with the last mean in the background, by which clocks of different processes are aligned. What a worker waited
// until the last of all was ready was for the others: skew. The rest is moving: bytes on their way, sums, and threads
// that wake up.
#pragma once

#include <array>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/ledger/profile.h"

namespace drift {

// In the order of the columns.
inline constexpr auto kStepKinds = kSyncs;
constexpr std::size_t column_of(Sync kind) {
  return static_cast<std::size_t>(kind);
}
// "local", "synchronous", "fragment", "node", "round end"
std::string title_of(Sync kind);

// An amount in each kind of step; NaN where none was recorded. noise: half the width of an interval of 95 % for a
// median of as many steps, 1.58 interquartile ranges over the root of their number (McGill, Tukey and Larsen 1978);
// infinite for fewer than four.
struct ByKind {
  using Amounts = std::array<double, kStepKinds.size()>;
  Amounts mean = nowhere(), noise = nowhere();

  double at(Sync kind) const { return mean[column_of(kind)]; }
  // Of a local step, or else of a kind that was recorded.
  double typical() const;
  double most() const;  // of the kinds; 0 where none was recorded
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  static constexpr Amounts nowhere() {
    Amounts amounts{};
    amounts.fill(kNone);
    return amounts;
  }
};

// The operations of a part with one name, or for a layer. Times are seconds per step.
struct LedgerRow {
  std::string part, name;
  ByKind calls, seconds, floor;
};

// Of one worker: who computes longest is waited for.
struct LedgerWorker {
  int worker = 0;
  ByKind computing;  // its operations, but for sums of averages
  ByKind skew;
};

struct Ledger {
  std::array<std::size_t, kStepKinds.size()> steps = {};  // recorded and counted, of all workers
  ByKind step;                                            // seconds; what follows adds up to it, each once
  std::vector<LedgerRow> rows;                            // without averages; the longest first
  ByKind batch, lane;                                     // waiting for the loader; for the permit to compute
  ByKind skew, moving;                                    // of waits in the communicator
  ByKind gaps;                                            // all else: the host between operations

  std::vector<LedgerWorker> workers;  // by number

  ByKind exposed;  // skew and moving
  ByKind sums;     // of moving: operations of the worker's own
  ByKind hidden;   // means taken in the background before the worker waited
  ByKind bytes;    // sent by a worker

  double samples = 1;  // of a step, of all workers

  bool has(Sync kind) const { return steps[column_of(kind)] > 0; }
  // Seconds of the operations of a part.
  ByKind part(std::string_view name) const;
  // Of a step on average with parameters averaged every `period` steps, and with as many averages of fragments or
  // within nodes in a round as were recorded; NaN where that cannot be said.
  double seconds_at(Step period) const;
};

enum class LedgerRows : std::uint8_t { kOperations, kLayers };

// The first steps of their kind in a session are left out: they make code and take memory.
Ledger make_ledger(const Profile& profile, LedgerRows rows = LedgerRows::kOperations);

// How a worker waited in a step: its waits, divided. `steps`: of all workers, the same step.
struct WaitTimes {
  double exposed = 0, skew = 0, moving = 0, hidden = 0;  // seconds
};
// When wait number `wait` of a step was over in a process, by its clock; nothing if there was none.
std::optional<Nanoseconds> end_of_wait(std::span<const Profile::RecordedStep> steps, int process, std::size_t wait);
WaitTimes wait_times(std::span<const Profile::RecordedStep> steps, std::size_t worker);

}  // namespace drift
