// The options of the network; the struct they set is ModelOptions of models/registry.h.
#pragma once

#include <vector>

#include "train/config/option.h"

namespace drift {

std::vector<Option> model_options();

}  // namespace drift
