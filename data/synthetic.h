// Random pixels, for measurements of everything but the data: reading an image is a copy of its bytes.
#pragma once

#include <cstdint>

#include "data/dataset.h"

namespace drift {

constexpr std::int64_t kSyntheticTrainSize = 1'281'167;  // ImageNet's
constexpr std::int64_t kSyntheticTestSize = 1'000;       // of ImageNet's 50,000: evaluation is not what is measured
constexpr std::int64_t kSyntheticPictures = 64;          // different ones; more would only take memory
constexpr std::int64_t kSyntheticClasses = 1'000;        // unless given
constexpr std::int64_t kSyntheticClassesMax = 1'000'000;
constexpr std::int64_t kSyntheticSideMax = 1'024;

// Images of side x side pixels; image i has label i mod classes. A function of `seed`.
DataSource open_synthetic(std::int64_t side, std::int64_t classes, std::uint64_t seed);

}  // namespace drift
