#include "data/image_crops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <vector>

#include "tests/data/data_support.h"
#include "tests/support/seed.h"

namespace drift {
namespace {

Box draw(const ImageSize& image, std::uint64_t number, const CropDistribution& distribution = {}) {
  return draw_resized_crop(Rng(testing::seed(), stream_id(Purpose::kTest, 0, number)), image, distribution);
}

// What 100,000 draws of torchvision 0.29's RandomResizedCrop.get_params gave: means and deviations of left, top, width
// and height.
struct Drawn {
  ImageSize image;
  CropDistribution distribution;
  std::array<double, 4> mean, deviation;
};
const std::vector<Drawn>& drawn_by_torchvision() {
  static const std::vector<Drawn> cases = {
      {{500, 375}, {}, {108.6241, 52.3122, 282.1342, 270.4335}, {80.1478, 50.66, 86.126, 70.1181}},
      {{100, 300}, {}, {10.8554, 108.5228, 78.2795, 83.0733}, {10.9258, 63.479, 15.1743, 21.6548}},
      {{224, 224}, {0.25, 0.5, 1, 1}, {43.8852, 43.6907, 136.5511, 136.5511}, {26.6492, 26.7459, 13.3382, 13.3382}},
  };
  return cases;
}

TEST(ResizedCrop, HasTorchvisionsMeansAndDeviations) {
  constexpr int kDraws = 20'000;
  for (const Drawn& expected : drawn_by_torchvision()) {
    std::array<double, 4> sum{}, squares{};
    for (std::uint64_t number = 0; number < kDraws; ++number) {
      const Box box = draw(expected.image, number, expected.distribution);
      const std::array<std::int64_t, 4> sides{box.left, box.top, box.width, box.height};
      for (std::size_t i = 0; i < 4; ++i) {
        sum[i] += static_cast<double>(sides[i]);
        squares[i] += static_cast<double>(sides[i] * sides[i]);
      }
    }
    for (std::size_t i = 0; i < 4; ++i) {
      const double mean = sum[i] / kDraws, deviation = std::sqrt(squares[i] / kDraws - mean * mean);
      // Standard errors of both: of a mean, and of a deviation, which for these distributions is smaller.
      const double error = expected.deviation[i] * std::sqrt(1.0 / kDraws + 1.0 / 100'000);
      EXPECT_NEAR(mean, expected.mean[i], 6 * error) << expected.image.width << " " << i;
      EXPECT_NEAR(deviation, expected.deviation[i], 6 * error) << expected.image.width << " " << i;
    }
  }
}

TEST(ResizedCrop, HasEveryPlaceAlikeInBothDirections) {
  constexpr int kDraws = 16'000, kParts = 4;
  std::vector<std::int64_t> counts(kParts * kParts);
  for (std::uint64_t number = 0; number < kDraws; ++number) {
    const Box box = draw({200, 200}, number, {0.25, 0.25, 1, 1});
    ASSERT_EQ(box.width, 100);
    if (box.left == 100 || box.top == 100) continue;  // 101 places, and 100 in four parts
    ++counts[static_cast<std::size_t>(box.top / 25 * kParts + box.left / 25)];
  }
  EXPECT_LT(testing::chi_square(counts), 15 + 6 * std::sqrt(30.0));
}

// No crop of these has an allowed ratio and share; torchvision gave the same.
TEST(ResizedCrop, FallsBackToTheMiddle) {
  const CropDistribution half{.area_min = 0.5};
  EXPECT_EQ(draw({900, 40}, 1, half), (Box{423, 0, 53, 40}));
  EXPECT_EQ(draw({3, 900}, 1, half), (Box{0, 448, 3, 4}));
  EXPECT_EQ(draw({1, 1}, 1), (Box{0, 0, 1, 1}));
  EXPECT_EQ(draw({1, 10'000}, 1, half).width, 1);
}

RC_GTEST_PROP(ResizedCrop, LiesInTheImage, ()) {
  const auto side = [] {
    return *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 50), rc::gen::inRange<std::int64_t>(1, 20'000));
  };
  const ImageSize image{side(), side()};
  const Box box = draw(image, *rc::gen::inRange<std::uint64_t>(0, 1'000'000));
  RC_ASSERT(box.left >= 0 && box.top >= 0 && box.width > 0 && box.height > 0);
  RC_ASSERT(box.left + box.width <= image.width && box.top + box.height <= image.height);
}

TEST(CentreCrop, IsTorchvisions) {
  const auto of = [](const ImageSize& image) { return resize_and_centre_crop(image, 256, 224); };
  EXPECT_EQ(of({500, 375}).size, (ImageSize{341, 256}));
  EXPECT_EQ(of({500, 375}).window, (Box{58, 16, 224, 224}));  // 58.5: halves to even
  EXPECT_EQ(of({375, 500}).window, (Box{16, 58, 224, 224}));
  EXPECT_EQ(of({300, 301}).window, (Box{16, 16, 224, 224}));
  EXPECT_EQ(of({256, 259}).window.top, 18);  // 17.5
  EXPECT_EQ(of({1, 10'000}).size, (ImageSize{256, 2'560'000}));
  EXPECT_EQ(of({86, 964}).box, (Box{0, 0, 86, 964}));
}

}  // namespace
}  // namespace drift
