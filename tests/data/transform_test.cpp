// What comes out of an encoded image, beside decoding and resizing, which are tested for themselves.
#include "data/transform.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/data/data_support.h"
#include "tests/support/drawn_images.h"

namespace drift {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr OutputSizes kSizes{.side = 64, .short_side = 73};

Bytes file(int width, int height, std::string_view format) {
  const std::string text = testing::drawn_file(width, height, /*number=*/3, format);
  return {text.begin(), text.end()};
}

Bytes output() {
  return Bytes(static_cast<std::size_t>(kSizes.side * kSizes.side * 3));
}

Bytes evaluated(const Bytes& encoded, JpegLibrary library = best_jpeg_library()) {
  Bytes image = output();
  Transform(kSizes, library).evaluation(encoded, image);
  return image;
}

// Decoded as a whole, and resized.
Bytes resized(const Bytes& encoded, const Resize& resize, JpegLibrary library = best_jpeg_library()) {
  ImageDecoder decoder(library);
  Bytes image = output();
  Resizer().run(decoder.decode(encoded).image, resize, image);
  return image;
}

struct Difference {
  double mean = 0;
  int most = 0;
};
Difference difference(const Bytes& a, const Bytes& b) {
  Difference result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const int by = std::abs(int{a[i]} - int{b[i]});
    result.mean += by / static_cast<double>(a.size());
    result.most = std::max(result.most, by);
  }
  return result;
}

Rng rng_of(std::uint64_t number) {
  return {5, stream_id(Purpose::kTest, 0, number)};
}

TEST(Transform, OfEvaluationIsTheMiddleOfTheResizedImage) {
  for (const auto& [width, height] : {std::pair(120, 90), {90, 120}, {64, 64}, {30, 200}}) {
    const Bytes encoded = file(width, height, "png");
    const Resize middle = resize_and_centre_crop({width, height}, kSizes.short_side, kSizes.side);
    EXPECT_EQ(evaluated(encoded), resized(encoded, middle)) << width << "x" << height;
  }
}

TEST(Transform, OfTrainingIsTheDrawnPartMirroredEveryOtherTime) {
  const Bytes encoded = file(120, 90, "png");
  int mirrored = 0;
  for (std::uint64_t number = 0; number < 40; ++number) {
    const Rng rng = rng_of(number);
    Bytes expected = resized(encoded, Resize::whole(draw_resized_crop(rng, {120, 90}), {kSizes.side, kSizes.side}));
    if (draw_mirror(rng)) {
      ++mirrored;
      for (std::int64_t y = 0; y < kSizes.side; ++y) {
        for (std::int64_t x = 0; x < kSizes.side / 2; ++x) {
          for (std::int64_t c = 0; c < 3; ++c) {
            const auto at = [&](std::int64_t column) -> std::uint8_t& {
              return expected[static_cast<std::size_t>((y * kSizes.side + column) * 3 + c)];
            };
            std::swap(at(x), at(kSizes.side - 1 - x));
          }
        }
      }
    }
    Bytes image = output();
    Transform(kSizes).training(encoded, rng, image);
    ASSERT_EQ(image, expected) << number;
  }
  EXPECT_GT(mirrored, 8);  // of 40: five standard deviations from 20 are 16
  EXPECT_LT(mirrored, 32);
}

// 73 of 600 pixels: decoded to a quarter, which keeps twice as many. Of 245 photographs of 86 to 964 pixels this was
// true for 208: an image differed by 0.42 of 255 in the mean, 1.2 at most, a pixel by 16 at most.
TEST(Transform, ShrinksLargeJpegFilesWhileDecodingThem) {
  if (best_jpeg_library() != JpegLibrary::kTurbo) GTEST_SKIP() << "this build has no libjpeg-turbo";
  for (const auto& [width, height] : {std::pair(800, 600), {601, 997}}) {
    const Bytes encoded = file(width, height, "jpg");
    const Resize middle = resize_and_centre_crop({width, height}, kSizes.short_side, kSizes.side);
    const Bytes exact = resized(encoded, middle), got = evaluated(encoded);
    EXPECT_NE(got, exact) << "it was decoded as a whole";
    const auto [mean, most] = difference(got, exact);
    EXPECT_LT(mean, 1) << width << "x" << height;
    EXPECT_LE(most, 12) << width << "x" << height;
  }
  // 73 of 150 pixels: half of that would be too few.
  const Bytes small = file(200, 150, "jpg");
  EXPECT_EQ(evaluated(small), resized(small, resize_and_centre_crop({200, 150}, kSizes.short_side, kSizes.side)));
}

TEST(Transform, HasAlmostTheSamePixelsByBothLibraries) {
  if (best_jpeg_library() != JpegLibrary::kTurbo) GTEST_SKIP() << "this build has no libjpeg-turbo";
  for (const auto& [width, height] : {std::pair(90, 120), {200, 150}, {800, 600}}) {
    const Bytes encoded = file(width, height, "jpg");
    const auto [mean, most] =
        difference(evaluated(encoded, JpegLibrary::kTurbo), evaluated(encoded, JpegLibrary::kStb));
    EXPECT_LT(mean, 1) << width << "x" << height;
    EXPECT_LE(most, 12) << width << "x" << height;
  }
}

TEST(Transform, TakesImagesOfOneLine) {
  for (const auto& [width, height] : {std::pair(1, 1), {1, 3000}, {3000, 1}}) {
    const Bytes encoded = file(width, height, "png");
    EXPECT_EQ(evaluated(encoded), resized(encoded, resize_and_centre_crop({width, height}, 73, 64)));
    Bytes image = output();
    EXPECT_NO_THROW(Transform(kSizes).training(encoded, rng_of(1), image));
  }
}

TEST(Transform, SaysWhatIsWrongWithAFile) {
  Bytes image = output();
  EXPECT_TRUE(testing::contains(
      testing::message_of(ErrorKind::kData, [&] { Transform(kSizes).evaluation(Bytes{}, image); }), "empty"));
  EXPECT_FALSE(testing::message_of(ErrorKind::kData, [&] {
                 Transform(kSizes).training(Bytes(9, 7), rng_of(1), image);
               }).empty());
}

}  // namespace
}  // namespace drift
