// From what a user writes behind --data to a data set.
#pragma once

#include <string_view>

#include "data/dataset.h"

namespace drift {

// spec: "cifar10:DIR", "cifar100:DIR" (official binary layouts, data/cifar.h) or "shapes[:TRAIN_SIZE[:TEST_SIZE]]"
// (procedural, a function of `seed`, data/shapes.h). Throws kUsage for a malformed spec or an unknown kind (with a "did
// you mean"), kData for files that are missing, truncated or malformed.
DataSource open_data(std::string_view spec, std::uint64_t seed);

// The DIR that ends a spec; "" for what is built in, and for what no data set is called.
std::string_view data_directory(std::string_view spec);

}  // namespace drift
