// Runs drift with one call of one process gone wrong (faults.cpp).
#pragma once

#include "tests/apps/program.h"
#include "tests/support/scoped_variables.h"

namespace drift::testing {

inline Outcome run_with_fault(const std::string& fault, const std::vector<std::string>& arguments) {
  const ScopedVariables variables(ScopedVariables::Values{{"DRIFT_FAULT", fault}, {"LD_PRELOAD", DRIFT_FAULTS}});
  return run_drift(arguments);
}

}  // namespace drift::testing
