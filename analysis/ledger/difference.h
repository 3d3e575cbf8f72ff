// Ledgers before and after a change beside each other, operation by operation: what became slower, and whether it is
// more than noise. Each side is a run, or several of the same.
#pragma once

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "analysis/ledger/ledger.h"

namespace drift {

// Seconds in a step of one kind. noise: of the difference, half an interval of 95 %. Where a side is several runs,
// their means are the repeats (Student's t); where it is one, its steps are, and what changes from run to run is not in
// it.
struct LedgerDifference {
  std::string part, name;
  double before = 0, after = 0, noise = 0;

  double change() const { return after - before; }
  bool is_sure() const { return std::abs(change()) > noise + kNanosecond; }

  static constexpr double kNanosecond = 1e-9;  // what times are read to
};

// Of a kind that all have: operations by part and name, then waits, gaps and the whole step. What one does not have is
// 0 there. The largest change first, the whole step last. At least one ledger on each side.
std::vector<LedgerDifference> differences(std::span<const Ledger> before, std::span<const Ledger> after, Sync kind);

// Tables for a terminal, of each kind of step that all have.
std::string difference_text(std::span<const Profile> before, const std::string& before_name,
                            std::span<const Profile> after, const std::string& after_name);

}  // namespace drift
