// A prediction beside a run that was trained since: the same kinds of step, predicted and measured.
#pragma once

#include <optional>
#include <string>

#include "analysis/predict/model.h"
#include "train/runs/run_reader.h"

namespace drift {

// A line for each kind of step, for each H where that changed, and one for all. Measured is the mean of the middle half
// of them, without the first of its kind. link: of a run without --link. Throws kUsage where the measurement is of
// another network, batch or number of workers in a process, and for a run without steps.
std::string against_text(const StepMeasurement& measurement, const RunRecords& run,
                         const std::optional<LinkOptions>& link);

}  // namespace drift
