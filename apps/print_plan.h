// drift train --print-plan: what a run will do and need, before it begins.
#pragma once

#include "train/config/config.h"

namespace drift {

// Of a run in so many processes, wherever that will be: neither its data nor its device need be here. Throws as
// plan_run() does, and kData where nobody says how many training images there are.
void print_plan(const TrainConfig& config, int processes);

}  // namespace drift
