// What decoding must do beside giving the pixels, which tests/golden/ looks at.
#include "data/image_decoder.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/image_crops.h"
#include "tests/data/data_support.h"
#include "tests/support/drawn_images.h"
#include "tests/support/file_damage.h"
#include "tests/support/seed.h"

namespace drift {
namespace {

std::vector<std::uint8_t> image(const std::string& name) {
  return testing::file_bytes(std::filesystem::path(DRIFT_IMAGES) / name);
}

std::vector<JpegLibrary> libraries() {
  std::vector<JpegLibrary> all{JpegLibrary::kStb};
  if (best_jpeg_library() == JpegLibrary::kTurbo) all.push_back(JpegLibrary::kTurbo);
  return all;
}

double mean_of(std::span<const std::uint8_t> pixels) {
  double sum = 0;
  for (const std::uint8_t pixel : pixels) sum += pixel;
  return sum / static_cast<double>(pixels.size());
}

TEST(ImageDecoder, ShrinksByAPowerOfTwoRoundedUp) {
  if (best_jpeg_library() != JpegLibrary::kTurbo) GTEST_SKIP() << "this build has no libjpeg-turbo";
  ImageDecoder decoder;
  const std::vector<std::uint8_t> bytes = image("rgb.jpg");
  const double mean = mean_of(decoder.decode(bytes).image.pixels);
  for (const auto& [shrink, size] : {std::pair(1, ImageSize{17, 11}), {2, {9, 6}}, {4, {5, 3}}, {8, {3, 2}}}) {
    const DecodedImage decoded = decoder.decode(bytes, shrink);
    EXPECT_EQ(decoded.image.size, size);
    EXPECT_EQ(decoded.full, (ImageSize{17, 11}));
    EXPECT_EQ(std::ssize(decoded.image.pixels), size.width * size.height * 3);
    EXPECT_NEAR(mean_of(decoded.image.pixels), mean, 12);  // the edges, rounded up, weigh more
  }
  EXPECT_EQ(decoder.decode(image("rgb.png"), 8).image.size, (ImageSize{17, 11})) << "PNG files are not shrunk";
}

// Of colours at half the resolution and at all of it, of files with one scan and with several.
TEST(ImageDecoder, GivesABoxTheBitsOfTheWholeImage) {
  std::vector<std::vector<std::uint8_t>> files;
  for (const char* const name :
       {"rgb.jpg", "whole_chroma.jpg", "grey.jpg", "cmyk.jpg", "progressive.jpg", "restarts.jpg"}) {
    files.push_back(image(name));
  }
  for (const auto& [width, height] : {std::pair(200, 131), {67, 240}}) {
    const std::string text = testing::drawn_file(width, height, /*number=*/5, "jpg");
    files.emplace_back(text.begin(), text.end());
  }
  std::int64_t smaller = 0;
  for (const JpegLibrary library : libraries()) {
    ImageDecoder whole_decoder(library), decoder(library);
    for (std::size_t file = 0; file < files.size(); ++file) {
      const ImageHeader header = read_image_header(files[file]);
      for (std::uint64_t draw = 0; draw < 60; ++draw) {
        const Rng rng(testing::seed(), stream_id(Purpose::kTest, file, draw));
        const int shrink = 1 << draw % 4;
        const DecodedImage whole = whole_decoder.decode(files[file], shrink);
        const Box box = draw_resized_crop(rng, header.size), wanted = shrunk(box, whole.shrink);
        const DecodedImage part = decoder.decode(files[file], header, shrink, box);
        ASSERT_EQ(part.shrink, whole.shrink);
        smaller += part.image.pixels.size() < whole.image.pixels.size() ? 1 : 0;
        for (std::int64_t y = wanted.top; y < wanted.top + wanted.height; ++y) {
          const auto row = [&](const DecodedImage& of) {
            const std::int64_t at = (y - of.top) * of.image.size.width + wanted.left - of.left;
            return of.image.pixels.subspan(static_cast<std::size_t>(3 * at),
                                           static_cast<std::size_t>(3 * wanted.width));
          };
          ASSERT_TRUE(std::ranges::equal(row(part), row(whole)))
              << "file " << file << ", draw " << draw << ", row " << y;
        }
      }
    }
  }
  EXPECT_EQ(smaller > 0, best_jpeg_library() == JpegLibrary::kTurbo);
}

TEST(ImageDecoder, GoesOnAfterWhatItRefuses) {
  for (const JpegLibrary library : libraries()) {
    ImageDecoder decoder(library);
    const std::vector<std::uint8_t> good = image("progressive.jpg");
    const auto before = decoder.decode(good).image.pixels;
    const std::vector<std::uint8_t> pixels(before.begin(), before.end());
    const std::span<const std::uint8_t> half(good.data(), good.size() / 2);
    EXPECT_TRUE(testing::contains(testing::message_of(ErrorKind::kData, [&] { decoder.decode(half); }), "cut off"));
    EXPECT_TRUE(std::ranges::equal(decoder.decode(good).image.pixels, pixels));
  }
}

// A scan of which nothing is left but its end: Pillow refuses it or makes it grey, as the library does; what matters is
// that it ends in an image or in an error.
TEST(ImageDecoder, EndsWhateverTheScanHolds) {
  for (const JpegLibrary library : libraries()) {
    ImageDecoder decoder(library);
    for (const char* const name : {"rgb.jpg", "progressive.jpg", "cmyk.jpg", "restarts.jpg"}) {
      const std::vector<std::uint8_t> good = image(name);
      for (std::size_t at = 2; at < good.size(); ++at) {
        std::vector<std::uint8_t> damaged = good;
        damaged[at] ^= 0x55;
        try {
          const DecodedImage decoded = decoder.decode(damaged);
          ASSERT_EQ(std::ssize(decoded.image.pixels), decoded.full.width * decoded.full.height * 3)
              << name << " " << at;
        } catch (const Error& error) {
          ASSERT_EQ(error.kind(), ErrorKind::kData) << name << " " << at << ": " << error.what();
        }
      }
    }
  }
}

}  // namespace
}  // namespace drift
