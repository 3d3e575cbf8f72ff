#include "data/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <set>
#include <vector>

namespace drift {
namespace {

constexpr std::size_t kImageBytes = 32 * 32 * 3;
using Image = std::vector<std::uint8_t>;

Image drawn(std::uint64_t seed, Split split, std::int64_t index) {
  Image image(kImageBytes);
  draw_shape(seed, split, index, image);
  return image;
}

TEST(Shapes, AnImageIsAFunctionOfSeedSplitAndIndex) {
  const DataSource source = open_shapes(50, 20, 9);
  Image image(kImageBytes);
  for (std::int64_t i = 49; i >= 0; --i) {
    source.train->read_image(i, image);
    ASSERT_EQ(image, drawn(9, Split::kTrain, i));
    ASSERT_EQ(source.train->label(i), shape_label(9, Split::kTrain, i));
  }
  source.test->read_image(7, image);
  EXPECT_EQ(image, drawn(9, Split::kTest, 7));
  EXPECT_NE(drawn(9, Split::kTest, 7), drawn(9, Split::kTrain, 7));
  EXPECT_NE(drawn(9, Split::kTest, 7), drawn(10, Split::kTest, 7));
  EXPECT_NE(drawn(9, Split::kTest, 7), drawn(9, Split::kTest, 8));
}

TEST(Shapes, EveryTenImagesHaveEachClassOnceInTheirOwnOrder) {
  std::set<std::vector<std::int32_t>> orders;
  for (std::int64_t block = 0; block < 50; ++block) {
    std::vector<std::int32_t> order;
    for (std::int64_t i = 0; i < 10; ++i) order.push_back(shape_label(3, Split::kTrain, 10 * block + i));
    orders.insert(order);
    EXPECT_EQ(std::set<std::int32_t>(order.begin(), order.end()).size(), 10u);
  }
  EXPECT_GE(orders.size(), 49u);  // of 3.6 million
}

// Pins the pictures: a change of the recipe changes what published accuracies mean, and no machine may draw other bits.
TEST(Shapes, TheFirstHundredPicturesAreKnown) {
  std::uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (std::int64_t i = 0; i < 100; ++i) {
    for (const std::uint8_t byte : drawn(1, Split::kTrain, i)) hash = (hash ^ byte) * 0x100000001b3u;
  }
  EXPECT_EQ(hash, 0x1cbe0629045c25bfu);
}

TEST(Shapes, TheNormalisationIsThePictures) {
  const DataSource source = open_shapes(2000, 1, 1);
  std::array<double, 3> sum{}, square{};
  Image image(kImageBytes);
  for (std::int64_t i = 0; i < source.train->size(); ++i) {
    source.train->read_image(i, image);
    for (std::size_t b = 0; b < kImageBytes; ++b) {
      const double value = image[b] / 255.0;
      sum[b % 3] += value;
      square[b % 3] += value * value;
    }
  }
  const double count = static_cast<double>(source.train->size()) * 1024;
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = sum[c] / count;
    EXPECT_NEAR(source.normalisation.mean[c], mean, 0.01);
    EXPECT_NEAR(source.normalisation.std[c], std::sqrt(square[c] / count - mean * mean), 0.01);
  }
}

// Softmax regression on the pixels, trained by plain SGD; far above chance would mean that a class shows in single
// pixels.
TEST(Shapes, ALinearModelLearnsLittle) {
  constexpr std::size_t kClasses = 10;
  const DataSource source = open_shapes(2000, 1000, 1);
  std::vector<float> weights(kClasses * kImageBytes);
  Image image(kImageBytes);
  std::vector<float> x(kImageBytes);
  const auto scores = [&](const Dataset& dataset, std::int64_t index) {
    dataset.read_image(index, image);
    for (std::size_t b = 0; b < kImageBytes; ++b) x[b] = (static_cast<float>(image[b]) / 255 - 0.5f) / 0.2f;
    std::array<float, kClasses> result{};
    for (std::size_t c = 0; c < kClasses; ++c) {
      for (std::size_t b = 0; b < kImageBytes; ++b) result[c] += weights[c * kImageBytes + b] * x[b];
    }
    return result;
  };
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t i = 0; i < source.train->size(); ++i) {
      std::array<float, kClasses> p = scores(*source.train, i);
      const float top = *std::max_element(p.begin(), p.end());
      float total = 0;
      for (float& value : p) total += value = std::exp(value - top);
      for (std::size_t c = 0; c < kClasses; ++c) {
        const bool hit = c == static_cast<std::size_t>(source.train->label(i));
        const float step = 2e-4f * (p[c] / total - (hit ? 1.0f : 0.0f));
        for (std::size_t b = 0; b < kImageBytes; ++b) weights[c * kImageBytes + b] -= step * x[b];
      }
    }
  }
  int correct = 0;
  for (std::int64_t i = 0; i < source.test->size(); ++i) {
    const std::array<float, kClasses> p = scores(*source.test, i);
    correct += std::max_element(p.begin(), p.end()) - p.begin() == source.test->label(i);
  }
  EXPECT_LT(correct, 250) << "of 1000";
}

}  // namespace
}  // namespace drift
