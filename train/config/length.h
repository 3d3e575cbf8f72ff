// LengthConfig: how long a run is.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/step.h"
#include "train/config/option.h"

namespace drift {

struct LengthConfig {
  double epochs = 10;
  std::optional<Step> steps;                // overrides epochs
  std::int64_t steps_per_epoch = 0;         // 0: floor(N/B)
  std::optional<std::int64_t> max_seconds;  // of one session: it then stops as if it were asked to
};

std::vector<Option> length_options();

}  // namespace drift
