// What a run is computed with beside its config: what may change the last bits of its sums (docs/numerics.md). Kept in
// checkpoints, so that a run that goes on elsewhere says what is different there.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernels/device.h"
#include "train/lanes.h"

namespace drift {

using Conditions = std::map<std::string, std::string>;

// By name: "device" ("cpu" or "cuda"), "threads per worker", "cores", "instruction sets", "convolutions", "GPU",
// versions. convolutions: by which forms, for a CPU (models/convolution_trace.h).
Conditions conditions_of(Device device, const ThreadLayout& layout, const std::string& convolutions);

// "threads per worker: 2, now 1" for each that differs and matters. Empty where nothing is known of one of them.
std::vector<std::string> differences(const Conditions& before, const Conditions& now);

}  // namespace drift
