#include "data/synthetic.h"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "data/open_data.h"
#include "tests/data/data_support.h"

namespace drift {
namespace {

std::vector<std::uint8_t> picture(const Dataset& dataset, std::int64_t index) {
  std::vector<std::uint8_t> image(static_cast<std::size_t>(dataset.image_shape().elements()));
  EXPECT_TRUE(dataset.read_image(index, image));
  return image;
}

TEST(Synthetic, HasImageNetsSizeAndRandomPixels) {
  const DataSource data = open_data("synthetic:17", 3);
  EXPECT_EQ(data.name, "synthetic");
  EXPECT_EQ(data.train->size(), 1'281'167);
  EXPECT_EQ(data.train->classes(), 1000);
  EXPECT_EQ(data.train->image_shape(), (Shape{17, 17, 3}));
  EXPECT_EQ(data.train->label(1'281'166), 166);
  EXPECT_TRUE(data.train->in_memory());

  std::vector<std::int64_t> counts(256);
  for (std::int64_t index = 0; index < kSyntheticPictures; ++index) {
    const std::vector<std::uint8_t> image = picture(*data.train, index);
    for (const std::uint8_t pixel : image) ++counts[pixel];
    EXPECT_NE(image, picture(*data.train, (index + 1) % kSyntheticPictures));
  }
  EXPECT_LT(testing::chi_square(counts), 255 + 5 * std::sqrt(2 * 255.0));
  EXPECT_EQ(picture(*data.train, 1'281'166), picture(*data.train, 1'281'166 % kSyntheticPictures));
  EXPECT_EQ(picture(*open_synthetic(17, 5, 3).test, 7), picture(*data.train, 7));
  EXPECT_NE(picture(*open_synthetic(17, 5, 4).test, 7), picture(*data.train, 7));
}

TEST(Synthetic, TakesItsSizesFromTheSpec) {
  EXPECT_EQ(open_data("synthetic:8:10", 1).test->classes(), 10);
  for (const std::string spec : {"synthetic", "synthetic:", "synthetic:0", "synthetic:1025",
                                 "synthetic:8:", "synthetic:8:0", "synthetic:8:2:1", "synthetic:8x8"}) {
    const std::string message = testing::message_of(ErrorKind::kUsage, [&] { open_data(spec, 1); });
    EXPECT_TRUE(testing::contains(message, "expected synthetic:SIDE[:CLASSES]")) << message;
  }
  EXPECT_EQ(testing::message_of(ErrorKind::kUsage, [&] { open_data("synthetic:8", 1, {.side = 9}); }).substr(0, 43),
            "--data synthetic:8 has images of 8x8: --ima");
}

}  // namespace
}  // namespace drift
