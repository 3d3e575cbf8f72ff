// Runs drift with one call of one process gone wrong (faults.cpp).
#pragma once

#include <gtest/gtest.h>
#include <utility>

#include "tests/apps/program.h"
#include "tests/support/scoped_variables.h"

namespace drift::testing {

// Where such a library comes before the thread sanitizer's, that fails in a check of its own and spins. First thing in
// a test that needs one.
#ifdef __SANITIZE_THREAD__
#define DRIFT_NEEDS_FAULTS() GTEST_SKIP() << "the thread sanitizer does not bear a library of faults before its own"
#else
#define DRIFT_NEEDS_FAULTS() static_cast<void>(0)
#endif

// What programs started meanwhile find in their environment.
class FaultVariables : public ScopedVariables {
 public:
  // more: what else the library looks for.
  explicit FaultVariables(const std::string& fault, Values more = {}) : ScopedVariables(with(std::move(more), fault)) {}

 private:
  static Values with(Values more, const std::string& fault) {
    more.merge(Values{{"DRIFT_FAULT", fault},
                      {"LD_PRELOAD", DRIFT_FAULTS},
                      {"ASAN_OPTIONS", "verify_asan_link_order=0"}});  // else its library has to be the first
    return more;
  }
};

inline Outcome run_with_fault(const std::string& fault, const std::vector<std::string>& arguments) {
  const FaultVariables variables(fault);
  return run_drift(arguments);
}

}  // namespace drift::testing
