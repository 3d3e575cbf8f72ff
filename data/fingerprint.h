// A text that is equal where data sets are, wherever they lie: name, sizes, and a checksum of all labels and images.
#pragma once

#include <string>

#include "data/dataset.h"

namespace drift {

// Reads every image of the sets, which lie in memory. Throws kData for an image that cannot be read.
std::string fingerprint(const DataSource& data);

}  // namespace drift
