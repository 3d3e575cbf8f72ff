// StepReport: what one worker says of one step, and how it crosses processes: as a line of numbers.
#pragma once

#include <string>
#include <string_view>

#include "core/step.h"
#include "core/step_times.h"
#include "train/step/batch_loss.h"

namespace drift {

struct StepReport {
  Step step = 0;
  int worker = 0;
  BatchResult result = {};
  StepTimes times = {};
  std::int64_t bytes = 0;      // sent
  double elapsed_seconds = 0;  // on the worker's machine, since its process began with these steps
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
