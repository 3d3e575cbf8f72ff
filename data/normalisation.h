// Which numbers the pixels of a data set are normalised with.
#pragma once

#include <cstdint>

#include "data/dataset.h"

namespace drift {

enum class NormalisationSource : std::uint8_t { kPaper, kPixels, kImagenet };

// kPaper: what open_cifar10(), open_cifar100() and open_shapes() gave: docs/numerics.md has the numbers and their
// sources. kPixels: mean and standard deviation of all pixels of the training set, computed from it, so that they are
// those of any set; throws kData if a channel has one value everywhere. kImagenet: torchvision's of ImageNet.
Normalisation normalisation_from(NormalisationSource source, const DataSource& data);

// Over all pixels of all images of a set, which has at least one; standard deviations with divisor n. The sums are of
// integers, so their order changes nothing.
Normalisation statistics_of_pixels(const Dataset& dataset);

}  // namespace drift
