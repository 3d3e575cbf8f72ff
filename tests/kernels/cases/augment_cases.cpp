// pixel/255, minus mean, over std round three times, relative to the larger part; pixel * (1/(255 std)) + (-mean/std)
// four times.
#include <array>
#include <cmath>
#include <memory>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/augment.h"

namespace drift::testing {
namespace {

// Every corner of the padding first, mirrored and not, then spread over the range.
std::vector<Crop> some_crops(std::int64_t samples, int pad) {
  std::vector<Crop> crops;
  const int range = 2 * pad + 1;
  for (std::int64_t n = 0; n < samples; ++n) {
    const int row = n < 4 ? static_cast<int>(n / 2) * 2 * pad : static_cast<int>(n * 5 % range);
    const int column = n < 4 ? static_cast<int>(n % 2) * 2 * pad : static_cast<int>(n * 3 % range);
    crops.push_back(
        {static_cast<std::int8_t>(row), static_cast<std::int8_t>(column), static_cast<std::uint8_t>(n % 3 == 1)});
  }
  return crops;
}

std::vector<double> bytes_of(const std::vector<Crop>& crops) {
  std::vector<double> bytes;
  for (const Crop& crop : crops) {
    for (const int byte : {int{crop.dy}, int{crop.dx}, int{crop.flip}, int{crop.unused}}) bytes.push_back(byte);
  }
  return bytes;
}

// The last image first, then steps of three: with two images more than samples some are left out and some come twice.
std::vector<std::int64_t> some_indices(std::int64_t samples, std::int64_t images) {
  std::vector<std::int64_t> indices;
  for (std::int64_t n = 0; n < samples; ++n) indices.push_back((images - 1 + 3 * (n / 2)) % images);
  return indices;
}

Array gathered(const Array& images, const std::vector<std::int64_t>& indices) {
  const std::int64_t size = images.elements() / images.shape[0];
  Array result({static_cast<std::int64_t>(indices.size()), images.shape[1], images.shape[2], images.shape[3]});
  for (std::int64_t i = 0; i < result.elements(); ++i) {
    result[i] = images[indices[static_cast<std::size_t>(i / size)] * size + i % size];
  }
  return result;
}

std::array<double, 3> in_double(const std::array<float, 3>& values) {
  return {values[0], values[1], values[2]};
}

}  // namespace

OpCase AugmentCase::make() const {
  const std::int64_t image_count = indexed ? samples + 2 : samples;
  const Shape shape{image_count, height, width, 3}, out{samples, height, width, 3};
  OpCase result = new_case("augment",
                           fmt::format("images {}, pad {}{}{}{}", text(shape), pad, white ? ", black and white" : "",
                                       indexed ? ", indexed" : "", cropped ? "" : ", as they are"),
                           dtype);
  const Source black_or_white = [](const Rng& rng, std::int64_t i) {
    return 255.0 * rng.below(static_cast<std::uint64_t>(i), 2);
  };
  const auto crops = std::make_shared<const std::vector<Crop>>(some_crops(cropped ? samples : 0, pad));
  const auto indices = std::make_shared<const std::vector<std::int64_t>>(some_indices(samples, image_count));
  result.input("images", shape, DType::kUint8, white ? black_or_white : integers(0, 255));
  if (indexed) result.input("indices", {samples}, DType::kInt32, listed({indices->begin(), indices->end()}));
  if (cropped) result.input("crops", {samples, 4}, DType::kUint8, listed(bytes_of(*crops)));
  result.output("y", out, dtype);
  const std::array<float, 3> half{0.5f, 0.5f, 0.5f};
  const std::array<float, 3> mean = white ? half : std::array{0.4914f, 0.4822f, 0.4465f};
  const std::array<float, 3> std = white ? half : std::array{0.2470f, 0.2435f, 0.2616f};
  result.operation = [=, pad = pad](const Named<TensorView>& v) -> Op {
    return Augment{v["images"], v["indices"], v["crops"], v["y"], pad, mean, std};
  };
  result.expect = [=, pad = pad, dtype = dtype, indexed = indexed](const Named<Array>& in) {
    const Array images = indexed ? gathered(in["images"], *indices) : in["images"];
    Expected y{reference::augment(images, *crops, pad, in_double(mean), in_double(std)), Array(out)};
    for (std::int64_t i = 0; i < y.values.elements(); ++i) {
      const auto c = static_cast<std::size_t>(i % 3);
      const double shift = static_cast<double>(mean[c]) / static_cast<double>(std[c]);
      const double parts = std::abs(y.values[i] + shift) + shift;
      y.tolerance[i] = stored(dtype, y.values[i], 4 * kUnit * parts);
    }
    Named<Expected> expected;
    expected.set("y", y);
    return expected;
  };
  return result;
}

}  // namespace drift::testing
