// StepReport: what one worker says of one step, and how it crosses processes: as a line of numbers.
#pragma once

#include <limits>
#include <string>
#include <string_view>

#include "core/step.h"
#include "core/step_times.h"
#include "train/step/batch_loss.h"
#include "train/step/round_telemetry.h"

namespace drift {

constexpr RoundDistances kNoRound = {.from_mean = std::numeric_limits<double>::quiet_NaN(),
                                     .moved = std::numeric_limits<double>::quiet_NaN(),
                                     .norm = std::numeric_limits<double>::quiet_NaN()};

struct StepReport {
  Step step = 0;
  int worker = 0;
  BatchResult result = {};
  StepTimes times = {};
  std::int64_t bytes = 0;           // sent
  RoundDistances round = kNoRound;  // where the step ended one that was measured
  double elapsed_seconds = 0;       // on the worker's machine, since its process began with these steps
};

std::string encode(const StepReport& report);
// Throws kComm for a line that is none.
StepReport decode_report(std::string_view line);

// Where the workers of a process report.
class ReportSink {
 public:
  virtual ~ReportSink() = default;
  virtual void add(const StepReport& report) = 0;  // from any thread
};

}  // namespace drift
