// Which numbers the pixels of a data set are normalised with.
#pragma once

#include <cstdint>

#include "data/dataset.h"
#include "data/loader_pool.h"

namespace drift {

enum class NormalisationSource : std::uint8_t { kPaper, kPixels, kImagenet, kCifar10, kCifar100 };

// kPaper: what open_cifar10(), open_cifar100() and open_shapes() gave: docs/numerics.md has the numbers and their
// sources. kPixels: mean and standard deviation of all pixels of the training set, as evaluation sees them, computed
// from it, so that they are those of any set; throws kData if a channel has one value everywhere. The
// others are those of one set, whatever the data: kImagenet torchvision's, which is the paper's for image folders;
// kCifar10 and kCifar100 the paper's for those, of use where their images lie in a folder.
Normalisation normalisation_from(NormalisationSource source, const DataSource& data, LoaderPool& loading);
inline constexpr Normalisation kImagenetNormalisation{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
inline constexpr Normalisation kCifar10Normalisation{{0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}};
inline constexpr Normalisation kCifar100Normalisation{{0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}};

// Over all pixels of all images of a set, which has at least one; standard deviations with divisor n. The sums are of
// integers, so their order changes nothing.
Normalisation statistics_of_pixels(const Dataset& dataset, LoaderPool& loading);

}  // namespace drift
