#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace drift {
namespace {

constexpr int kChannels = 3;
constexpr int kFraction = 22;  // bits of a weight: sums of 8-bit pixels stay below 2^31
constexpr std::int32_t kHalf = std::int32_t{1} << (kFraction - 1);

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFraction, 0, 255));
}

bool contains(std::int64_t extent, std::int64_t begin, std::int64_t count) {
  return begin >= 0 && count > 0 && count <= extent - begin;
}

bool contains(const ImageSize& size, const Box& box) {
  return contains(size.width, box.left, box.width) && contains(size.height, box.top, box.height);
}

}  // namespace

Resize Resize::of_shrunk(int shrink) const {
  Resize result = *this;
  const auto shrink_side = [shrink](std::int64_t begin, std::int64_t count, std::int64_t& first, std::int64_t& pixels,
                                    double& origin, double& extent) {
    first = begin / shrink;
    pixels = (begin + count + shrink - 1) / shrink - first;
    origin = static_cast<double>(begin - first * shrink) / shrink;
    extent = static_cast<double>(count) / shrink;
  };
  DRIFT_ASSERT(part.width == 0, "a part of {}x{} is not shrunk again", part.width, part.height);
  shrink_side(box.left, box.width, result.box.left, result.box.width, result.part.left, result.part.width);
  shrink_side(box.top, box.height, result.box.top, result.box.height, result.part.top, result.part.height);
  return result;
}

void Resizer::Weights::set(std::int64_t inputs, double origin, double extent, std::int64_t outputs, std::int64_t begin,
                           std::int64_t count) {
  const double scale = extent / static_cast<double>(outputs), support = std::max(scale, 1.0);
  most = 2 * static_cast<std::size_t>(std::ceil(support)) + 1;
  first.assign(static_cast<std::size_t>(count), 0);
  values.assign(static_cast<std::size_t>(count) * most, 0);
  std::vector<double> weights(most);
  for (std::int64_t i = 0; i < count; ++i) {
    const double centre = origin + (static_cast<double>(begin + i) + 0.5) * scale;
    const auto low = static_cast<std::int64_t>(std::max(centre - support + 0.5, 0.0));
    const std::int64_t high = std::min(static_cast<std::int64_t>(centre + support + 0.5), inputs);
    double total = 0;
    for (std::int64_t k = low; k < high; ++k) {
      const double distance = std::abs((static_cast<double>(k) - centre + 0.5) * (1.0 / support));
      weights[static_cast<std::size_t>(k - low)] = std::max(1.0 - distance, 0.0);
      total += weights[static_cast<std::size_t>(k - low)];
    }
    // Where all of `most` would reach past the last input, they begin earlier, with weights of 0.
    const std::int64_t start = std::max<std::int64_t>(std::min(low, inputs - static_cast<std::int64_t>(most)), 0);
    first[static_cast<std::size_t>(i)] = start;
    std::int32_t* const to = values.data() + static_cast<std::size_t>(i) * most + (low - start);
    for (std::int64_t k = 0; k < high - low; ++k) {
      to[k] = static_cast<std::int32_t>(0.5 + weights[static_cast<std::size_t>(k)] / total * (1 << kFraction));
    }
  }
}

void Resizer::run(const ImageView& image, const Resize& resize, std::span<std::uint8_t> output) {
  const Box &box = resize.box, &window = resize.window;
  DRIFT_ASSERT(std::ssize(image.pixels) == image.size.width * image.size.height * kChannels &&
                   contains(image.size, box) && contains(resize.size, window) &&
                   std::ssize(output) == window.width * window.height * kChannels,
               "box {}x{}+{}+{} of {}x{} in {} bytes to {}x{}, of that {}x{}+{}+{} to {} bytes", box.width, box.height,
               box.left, box.top, image.size.width, image.size.height, image.pixels.size(), resize.size.width,
               resize.size.height, window.width, window.height, window.left, window.top, output.size());
  const Part part = resize.part.width > 0
                        ? resize.part
                        : Part{.width = static_cast<double>(box.width), .height = static_cast<double>(box.height)};
  across_.set(box.width, part.left, part.width, resize.size.width, window.left, window.width);
  down_.set(box.height, part.top, part.height, resize.size.height, window.top, window.height);
  const std::int64_t rows_begin = *std::ranges::min_element(down_.first);
  const std::int64_t rows_end =
      std::min(*std::ranges::max_element(down_.first) + static_cast<std::int64_t>(down_.most), box.height);
  const std::int64_t line = window.width * kChannels;
  rows_.resize(static_cast<std::size_t>((rows_end - rows_begin) * line));

  const auto columns = std::min<std::int64_t>(static_cast<std::int64_t>(across_.most), box.width);
  for (std::int64_t row = rows_begin; row < rows_end; ++row) {
    const std::uint8_t* const from = image.pixels.data() + ((box.top + row) * image.size.width + box.left) * kChannels;
    std::uint8_t* to = rows_.data() + (row - rows_begin) * line;
    for (std::size_t x = 0; x < across_.first.size(); ++x, to += kChannels) {
      const std::int32_t* const weights = across_.values.data() + x * across_.most;
      const std::uint8_t* pixel = from + across_.first[x] * kChannels;
      std::int32_t sums[kChannels] = {kHalf, kHalf, kHalf};
      for (std::int64_t k = 0; k < columns; ++k, pixel += kChannels) {
        for (int c = 0; c < kChannels; ++c) sums[c] += weights[k] * pixel[c];
      }
      for (int c = 0; c < kChannels; ++c) to[c] = rounded(sums[c]);
    }
  }

  const auto lines = std::min<std::int64_t>(static_cast<std::int64_t>(down_.most), box.height);
  sums_.resize(static_cast<std::size_t>(line));
  for (std::size_t y = 0; y < down_.first.size(); ++y) {
    std::ranges::fill(sums_, kHalf);
    for (std::int64_t k = 0; k < lines; ++k) {
      const std::int32_t weight = down_.values[y * down_.most + static_cast<std::size_t>(k)];
      const std::uint8_t* const from = rows_.data() + (down_.first[y] - rows_begin + k) * line;
      for (std::int64_t i = 0; i < line; ++i) sums_[static_cast<std::size_t>(i)] += weight * from[i];
    }
    std::ranges::transform(sums_, output.begin() + static_cast<std::ptrdiff_t>(y) * line, rounded);
  }
}

}  // namespace drift
