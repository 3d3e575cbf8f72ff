// A text that is equal where data sets are, wherever they lie: name, sizes, and a checksum of all labels and images or,
// where those are decoded when they are needed, of what names them.
#pragma once

#include <string>

#include "data/dataset.h"

namespace drift {

// Throws kData for an image that cannot be read.
std::string fingerprint(const DataSource& data);

}  // namespace drift
