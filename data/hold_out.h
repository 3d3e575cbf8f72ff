// Training images that are held out: never trained on, there to choose by what must not be chosen by the test set.
#pragma once

#include "data/dataset.h"

namespace drift {

// Moves `images` of data.train to data.validation. Which ones is a function of the seed and the size alone; both keep
// the order of the whole. 0 < images < data.train->size().
DataSource hold_out(DataSource data, std::int64_t images, std::uint64_t seed);

}  // namespace drift
