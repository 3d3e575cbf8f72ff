#include "data/preview.h"

#include <gtest/gtest.h>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#include <array>
#include <stb_image.h>
#include <string>
#include <vector>

#include "data/loader.h"
#include "tests/data/data_support.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

using testing::contains;
using testing::FakeDataset;
using testing::message_of;
using testing::TempDirectory;

struct Png {
  int width = 0, height = 0;
  std::vector<std::uint8_t> pixels;

  std::vector<int> at(int y, int x) const {
    const std::size_t i =
        (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
    return {pixels[i], pixels[i + 1], pixels[i + 2]};
  }
};

Png read_png(const std::filesystem::path& path) {
  Png png;
  int channels = 0;
  stbi_uc* data = stbi_load(path.c_str(), &png.width, &png.height, &channels, 3);
  EXPECT_NE(data, nullptr) << path;
  if (data)
    png.pixels.assign(data, data + static_cast<std::size_t>(png.width) * static_cast<std::size_t>(png.height) * 3);
  stbi_image_free(data);
  return png;
}

std::vector<int> pixel(std::int64_t index, std::size_t side, std::size_t y, std::size_t x) {
  const std::size_t b = (y * side + x) * 3;
  return {FakeDataset::byte(index, b), FakeDataset::byte(index, b + 1), FakeDataset::byte(index, b + 2)};
}

const std::vector<int> kWhite{255, 255, 255};

TEST(Preview, RowsAreClassesAndPixelsAreEnlarged) {
  const TempDirectory directory;
  const FakeDataset dataset(7, 4, 3);  // class 0: images 0 3 6, class 1: 1 4, class 2: 2 5
  write_preview(dataset, directory / "sheet.png", {.columns = 3, .scale = 2});
  const Png png = read_png(directory / "sheet.png");
  ASSERT_EQ(png.height, 3 * (4 * 2 + 2) + 2);
  ASSERT_EQ(png.width, 3 * (4 * 2 + 2) + 2);
  for (const auto& [row, column, index] : {std::array{0, 0, 0}, {0, 2, 6}, {1, 1, 4}, {2, 0, 2}}) {
    const int top = 2 + 10 * row, left = 2 + 10 * column;
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        ASSERT_EQ(png.at(top + y, left + x),
                  pixel(index, 4, static_cast<std::size_t>(y / 2), static_cast<std::size_t>(x / 2)));
      }
    }
    EXPECT_EQ(png.at(top - 1, left), kWhite);
    EXPECT_EQ(png.at(top, left + 8), kWhite);
  }
  EXPECT_EQ(png.at(2 + 10, 2 + 20), kWhite);  // class 1 has no third image
}

TEST(Preview, ShowsNoMoreRowsThanAsked) {
  const TempDirectory directory;
  write_preview(FakeDataset(100, 4, 50), directory / "sheet.png", {.columns = 2, .rows_max = 5, .scale = 1});
  EXPECT_EQ(read_png(directory / "sheet.png").height, 5 * 6 + 2);
}

TEST(Preview, AugmentedShowsTheCropsOfTraining) {
  const TempDirectory directory;
  const FakeDataset dataset(3, 8, 3);
  write_preview(dataset, directory / "sheet.png", {.columns = 6, .scale = 1, .augmented = true, .seed = 5});
  const Png png = read_png(directory / "sheet.png");
  const int top = 2 + 10;  // class 1
  EXPECT_EQ(png.at(top + 3, 2 + 3), pixel(1, 8, 3, 3));
  for (int column = 1; column < 6; ++column) {
    const Crop crop = draw_crop(augmentation_rng(5, column - 1, 1));
    for (int y = 0; y < 8; ++y) {
      for (int x = 0; x < 8; ++x) {
        const int from_y = y + crop.dy - kCropPad;
        const int from_x = (crop.flip ? 7 - x : x) + crop.dx - kCropPad;
        const bool inside = from_y >= 0 && from_y < 8 && from_x >= 0 && from_x < 8;
        const std::vector<int> expected =
            inside ? pixel(1, 8, static_cast<std::size_t>(from_y), static_cast<std::size_t>(from_x))
                   : std::vector{0, 0, 0};
        ASSERT_EQ(png.at(top + y, 2 + 10 * column + x), expected) << "column " << column;
      }
    }
  }
}

TEST(Preview, AnUnwritablePathIsAnOutputError) {
  const TempDirectory directory;
  const std::filesystem::path path = directory / "nowhere" / "sheet.png";
  const std::string message = message_of(ErrorKind::kOutput, [&] { write_preview(FakeDataset(3, 4, 3), path); });
  EXPECT_TRUE(contains(message, path.string())) << message;
  EXPECT_FALSE(message_of(ErrorKind::kUsage, [&] { write_preview(FakeDataset(3), path, {.scale = -1}); }).empty());
}

}  // namespace
}  // namespace drift
