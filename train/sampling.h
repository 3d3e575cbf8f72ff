// Which training images a run takes at which step, from its config and their number alone: what trains asks for them,
// what plans asks how many steps fill an epoch.
#pragma once

#include "data/sampler.h"
#include "train/config/config.h"

namespace drift {

// Of a data set's training images so many are trained on, and so many are held out. Throws kConfig where these are not
// --train-images, and what Sampler throws.
Sampler make_sampler(const TrainConfig& config, std::int64_t images, std::int64_t held_out);

}  // namespace drift
