// A short training session for drift predict: a recipe's steps as --profile records them, with averages in three ways.
#pragma once

#include <filesystem>
#include <optional>

#include "analysis/predict/step_measurement.h"
#include "comm/job.h"
#include "comm/link.h"
#include "train/config/config.h"

namespace drift {

struct MeasuringOptions {
  double seconds = 60;              // after which no further round begins
  std::filesystem::path directory;  // where recordings lie meanwhile; all processes see it
  LinkOptions link;                 // between the processes
};

// All processes of the job call it; what they measured, in process 0. Throws kStopped when asked to stop.
std::optional<StepMeasurement> measure_steps(const TrainConfig& config, const Job& job,
                                             const MeasuringOptions& options);

}  // namespace drift
