// Two ledgers beside each other, operation by operation: what became slower, and whether it is more than noise.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "analysis/ledger/ledger.h"

namespace drift {

// Seconds in a step of one kind. noise: of the difference, an interval of 95 % from the spread over steps, which are
// the repeats; what changes from run to run alone is not in it.
struct LedgerDifference {
  std::string part, name;
  double before = 0, after = 0, noise = 0;

  double change() const { return after - before; }
  bool is_sure() const { return std::abs(change()) > noise + kNanosecond; }

  static constexpr double kNanosecond = 1e-9;  // what times are read to
};

// Of a kind that both have: operations by part and name, then waits, gaps and the whole step. What one does not have is
// 0 there. The largest change first, the whole step last.
std::vector<LedgerDifference> differences(const Ledger& before, const Ledger& after, Sync kind);

// Tables for a terminal, of each kind of step that both have.
std::string difference_text(const Profile& before, const std::string& before_name, const Profile& after,
                            const std::string& after_name);

}  // namespace drift
