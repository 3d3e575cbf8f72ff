// Which numbers the pixels of a data set are normalised with.
#pragma once

#include <cstdint>

#include "data/dataset.h"
#include "data/loader_pool.h"

namespace drift {

enum class NormalisationSource : std::uint8_t { kPaper, kPixels, kImagenet };

// kPaper: what open_cifar10(), open_cifar100() and open_shapes() gave: docs/numerics.md has the numbers and their
// sources. kPixels: mean and standard deviation of all pixels of the training set, as evaluation sees them, computed
// from it, so that they are those of any set; throws kData if a channel has one value everywhere. kImagenet:
// torchvision's of ImageNet, which is the paper's for image folders.
Normalisation normalisation_from(NormalisationSource source, const DataSource& data, LoaderPool& loading);
inline constexpr Normalisation kImagenetNormalisation{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

// Over all pixels of all images of a set, which has at least one; standard deviations with divisor n. The sums are of
// integers, so their order changes nothing.
Normalisation statistics_of_pixels(const Dataset& dataset, LoaderPool& loading);

}  // namespace drift
