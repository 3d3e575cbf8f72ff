// A text that is equal where data sets are: names, sizes, all labels and a sample of the images.
#pragma once

#include <string>

#include "data/dataset.h"

namespace drift {

// Reads at most 64 images of each set. Throws kData for an image that cannot be read.
std::string fingerprint(const DataSource& data);

}  // namespace drift
