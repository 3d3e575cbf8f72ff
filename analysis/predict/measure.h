// From what --profile recorded of a few short runs to what predict() knows of a step.
#pragma once

#include <string>

#include "analysis/ledger/profile.h"
#include "analysis/predict/model.h"
#include "engine/parameter_set.h"

namespace drift {

// The same training three times, each with local steps, synchronous ones and ends of rounds: averages beside backward
// in small buckets and in as large ones as there can be, and behind backward. What buckets cost and what bytes cost is
// told apart by the first two.
struct MeasuredRuns {
  Profile small_buckets, large_buckets, behind;
  std::int64_t small_bytes = 0, large_bytes = 0;  // of a bucket
  LinkOptions link;                               // between the processes meanwhile; its time is no cost of averages
};

// parameters: of the network that was trained. Throws kUsage where too few steps were recorded.
StepMeasurement measure(const MeasuredRuns& runs, const ParameterSet& parameters, const std::string& origin);

}  // namespace drift
