// Images held out of training: which ones, and that nothing is lost, there twice or in another place.
#include "data/hold_out.h"

#include <algorithm>
#include <fmt/format.h>
#include <numeric>

#include "core/checked_file.h"
#include "data/fingerprint.h"
#include "tests/data/data_support.h"
#include "tests/support/seed.h"

namespace drift {
namespace {

using testing::FakeDataset;

DataSource source_of(std::int64_t size) {
  return {.name = "fake",
          .train = std::make_unique<FakeDataset>(size, /*side=*/2, /*classes=*/1000),
          .test = std::make_unique<FakeDataset>(5),
          .normalisation = {}};
}

// In a FakeDataset of fewer images than classes the label is the index.
std::vector<std::int64_t> indices_of(const Dataset& view) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < view.size(); ++i) indices.push_back(view.label(i));
  return indices;
}

TEST(HoldOut, EveryImageIsOnOneSideInTheOrderOfTheWhole) {
  for (const std::int64_t images : {1, 7, 99}) {
    SCOPED_TRACE(fmt::format("seed={}, {} images", testing::seed(), images));
    const DataSource data = hold_out(source_of(100), images, testing::seed());
    const std::vector<std::int64_t> left = indices_of(*data.train), held_out = indices_of(*data.validation);
    EXPECT_EQ(std::ssize(held_out), images);
    EXPECT_TRUE(std::ranges::is_sorted(left));
    EXPECT_TRUE(std::ranges::is_sorted(held_out));
    std::vector<std::int64_t> all, expected(100);
    std::ranges::merge(left, held_out, std::back_inserter(all));
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(all, expected);
    std::vector<std::uint8_t> image(12);
    data.validation->read_image(images - 1, image);
    for (std::size_t b = 0; b < image.size(); ++b) EXPECT_EQ(image[b], FakeDataset::byte(held_out.back(), b));
    EXPECT_EQ(data.test->size(), 5);
  }
}

// Checkpoints name their data by it: the same images are the same data, whatever they are held out of.
TEST(HoldOut, IsIdentifiedByItsImages) {
  const DataSource data = hold_out(source_of(100), 30, 1);
  RunningDigest expected, got;
  std::vector<std::uint8_t> image(12);
  for (std::int64_t i = 0; i < data.train->size(); ++i) {
    const std::int32_t label = data.train->label(i);
    expected.add(std::as_bytes(std::span(&label, 1)));
    data.train->read_image(i, image);
    expected.add(std::as_bytes(std::span(image)));
  }
  data.train->identify(got);
  EXPECT_EQ(got.value(), expected.value());
}

TEST(HoldOut, IsAFunctionOfTheSeed) {
  const std::vector<std::int64_t> one = indices_of(*hold_out(source_of(100), 30, 1).validation);
  EXPECT_EQ(indices_of(*hold_out(source_of(100), 30, 1).validation), one);
  EXPECT_NE(indices_of(*hold_out(source_of(100), 30, 2).validation), one);
}

// 9 degrees of freedom: mean 9, standard deviation 4.2; without replacement it varies less. Five are allowed.
TEST(HoldOut, TakesEveryImageEquallyOften) {
  std::vector<std::int64_t> counts(10);
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    for (const std::int64_t index : indices_of(*hold_out(source_of(10), 3, seed).validation)) {
      ++counts[static_cast<std::size_t>(index)];
    }
  }
  EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 6000);
  EXPECT_LT(testing::chi_square(counts), 9 + 5 * 4.2);
}

TEST(HoldOut, IsInTheFingerprint) {
  EXPECT_NE(fingerprint(hold_out(source_of(100), 30, 1)), fingerprint(source_of(100)));
}

}  // namespace
}  // namespace drift
