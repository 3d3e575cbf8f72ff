#include "data/normalisation.h"

#include <cmath>

#include "core/check.h"
#include "data/plain_batches.h"

namespace drift {
namespace {

constexpr std::int64_t kImagesAtOnce = 64;

Normalisation training_pixels(const DataSource& data, LoaderPool& loading) {
  const Normalisation statistics = statistics_of_pixels(*data.train, loading);
  for (std::size_t c = 0; c < 3; ++c) {
    DRIFT_CHECK(kData, statistics.std[c] > 0,
                "--normalisation pixels divides by the standard deviation of the pixels, and in channel {} of all {} "
                "training images each pixel is {:.0f}/255: ask for paper or imagenet",
                c, data.train->size(), 255 * statistics.mean[c]);
  }
  return statistics;
}

}  // namespace

Normalisation normalisation_from(NormalisationSource source, const DataSource& data, LoaderPool& loading) {
  switch (source) {
    case NormalisationSource::kPaper:
      return data.normalisation;
    case NormalisationSource::kPixels:
      return training_pixels(data, loading);
    case NormalisationSource::kImagenet:
      return kImagenetNormalisation;
    case NormalisationSource::kCifar10:
      return kCifar10Normalisation;
    case NormalisationSource::kCifar100:
      return kCifar100Normalisation;
  }
  return {};
}

Normalisation statistics_of_pixels(const Dataset& dataset, LoaderPool& loading) {
  const PlainBatches batches(dataset, kImagesAtOnce);
  BatchesAhead ahead(batches, loading, 0, /*stride=*/1, batches.count());
  std::array<std::uint64_t, 3> sums{}, squares{};
  std::int64_t bytes = 0;
  for (std::int64_t i = 0; i < batches.count(); ++i) {
    const std::vector<std::uint8_t>& images = ahead.next().images;
    bytes += std::ssize(images);
    for (std::size_t at = 0; at < images.size(); at += 3) {
      for (std::size_t c = 0; c < 3; ++c) {
        const std::uint64_t pixel = images[at + c];
        sums[c] += pixel;
        squares[c] += pixel * pixel;
      }
    }
  }
  DRIFT_CHECK(kData, bytes > 0, "none of {} images can be decoded", dataset.size());
  Normalisation result;
  const double pixels = static_cast<double>(bytes) / 3;
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = static_cast<double>(sums[c]) / pixels;
    const double variance = static_cast<double>(squares[c]) / pixels - mean * mean;
    result.mean[c] = static_cast<float>(mean / 255);
    result.std[c] = static_cast<float>(std::sqrt(variance > 0 ? variance : 0) / 255);
  }
  return result;
}

}  // namespace drift
