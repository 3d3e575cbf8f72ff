// Runs drift with one call of one process gone wrong (faults.cpp).
#pragma once

#include "tests/apps/program.h"
#include "tests/support/scoped_variables.h"

namespace drift::testing {

// What programs started meanwhile find in their environment.
class FaultVariables : public ScopedVariables {
 public:
  explicit FaultVariables(const std::string& fault)
      : ScopedVariables(
            {{"DRIFT_FAULT", fault}, {"LD_PRELOAD", DRIFT_FAULTS}, {"ASAN_OPTIONS", "verify_asan_link_order=0"}}) {
  }  // else its library has to be the first
};

inline Outcome run_with_fault(const std::string& fault, const std::vector<std::string>& arguments) {
  const FaultVariables variables(fault);
  return run_drift(arguments);
}

}  // namespace drift::testing
