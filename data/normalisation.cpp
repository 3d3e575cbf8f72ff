#include "data/normalisation.h"

#include <cmath>

#include "core/check.h"

namespace drift {
namespace {

constexpr Normalisation kImagenet{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

Normalisation training_pixels(const DataSource& data) {
  const Normalisation statistics = statistics_of_pixels(*data.train);
  for (std::size_t c = 0; c < 3; ++c) {
    DRIFT_CHECK(kData, statistics.std[c] > 0,
                "--normalisation pixels divides by the standard deviation of the pixels, and in channel {} of all {} "
                "training images each pixel is {:.0f}/255: ask for paper or imagenet",
                c, data.train->size(), 255 * statistics.mean[c]);
  }
  return statistics;
}

}  // namespace

Normalisation normalisation_from(NormalisationSource source, const DataSource& data) {
  switch (source) {
    case NormalisationSource::kPaper:
      return data.normalisation;
    case NormalisationSource::kPixels:
      return training_pixels(data);
    case NormalisationSource::kImagenet:
      return kImagenet;
  }
  return {};
}

Normalisation statistics_of_pixels(const Dataset& dataset) {
  std::array<std::uint64_t, 3> sums{}, squares{};
  std::vector<std::uint8_t> image(static_cast<std::size_t>(dataset.image_shape().elements()));
  for (std::int64_t index = 0; index < dataset.size(); ++index) {
    dataset.read_image(index, image);
    for (std::size_t i = 0; i < image.size(); i += 3) {
      for (std::size_t c = 0; c < 3; ++c) {
        const std::uint64_t pixel = image[i + c];
        sums[c] += pixel;
        squares[c] += pixel * pixel;
      }
    }
  }
  Normalisation result;
  const double pixels = static_cast<double>(dataset.size() * dataset.image_shape().elements() / 3);
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = static_cast<double>(sums[c]) / pixels;
    const double variance = static_cast<double>(squares[c]) / pixels - mean * mean;
    result.mean[c] = static_cast<float>(mean / 255);
    result.std[c] = static_cast<float>(std::sqrt(variance > 0 ? variance : 0) / 255);
  }
  return result;
}

}  // namespace drift
