#include "data/resize.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <utility>
#include <vector>

#include "core/check.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

using testing::error_of;
using Bytes = std::vector<std::uint8_t>;

Bytes picture(const ImageSize& size, std::uint32_t salt = 1) {
  Bytes pixels(static_cast<std::size_t>(size.width * size.height * 3));
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = static_cast<std::uint8_t>((i * 2654435761u + salt * 40503u) >> 11);
  }
  return pixels;
}

// One direction of the same, from its definition: a triangle of weights around the centre of each output. The outputs
// share [origin, origin + extent) of the line.
std::vector<double> along(const std::vector<double>& line, double origin, double extent, std::int64_t outputs) {
  const double scale = extent / static_cast<double>(outputs);
  const double reach = std::max(scale, 1.0);
  std::vector<double> result;
  for (std::int64_t i = 0; i < outputs; ++i) {
    double sum = 0, total = 0;
    for (std::size_t k = 0; k < line.size(); ++k) {
      const double distance = static_cast<double>(k) + 0.5 - origin - (static_cast<double>(i) + 0.5) * scale;
      const double weight = std::max(0.0, 1 - std::abs(distance) / reach);
      sum += weight * line[k];
      total += weight;
    }
    result.push_back(sum / total);
  }
  return result;
}

// Without any rounding between rows and columns.
std::vector<double> expected(const Bytes& pixels, const ImageSize& image, const Resize& resize) {
  const auto& [box, size, window, given, mirrored] = resize;
  const Part part =
      given.width > 0 ? given : Part{0, 0, static_cast<double>(box.width), static_cast<double>(box.height)};
  std::vector<double> output(static_cast<std::size_t>(window.width * window.height * 3));
  for (std::int64_t c = 0; c < 3; ++c) {
    std::vector<std::vector<double>> rows;
    for (std::int64_t y = box.top; y < box.top + box.height; ++y) {
      std::vector<double> row;
      for (std::int64_t x = box.left; x < box.left + box.width; ++x) {
        row.push_back(pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)]);
      }
      rows.push_back(along(row, part.left, part.width, size.width));
    }
    for (std::int64_t x = 0; x < window.width; ++x) {
      std::vector<double> column;
      const std::int64_t from = mirrored ? window.width - 1 - x : x;
      for (const auto& row : rows) column.push_back(row[static_cast<std::size_t>(window.left + from)]);
      const std::vector<double> resized = along(column, part.top, part.height, size.height);
      for (std::int64_t y = 0; y < window.height; ++y) {
        output[static_cast<std::size_t>((y * window.width + x) * 3 + c)] =
            resized[static_cast<std::size_t>(window.top + y)];
      }
    }
  }
  return output;
}

Bytes run(const Bytes& pixels, const ImageSize& image, const Resize& resize) {
  Bytes output(static_cast<std::size_t>(resize.window.width * resize.window.height * 3));
  Resizer().run({pixels, image}, resize, output);
  return output;
}

// Half a step for each of two roundings, and what fixed point leaves of the weights.
RC_GTEST_PROP(Resize, IsWithinItsRoundingsOfTheDefinition, ()) {
  const auto upto = [](int most) { return *rc::gen::inRange<std::int64_t>(1, most + 1); };
  const auto inside = [](std::int64_t extent) {
    const auto begin = *rc::gen::inRange<std::int64_t>(0, extent);
    return std::pair(begin, *rc::gen::inRange<std::int64_t>(1, extent - begin + 1));
  };
  const ImageSize image{upto(40), upto(40)}, size{upto(30), upto(30)};
  const auto [left, width] = inside(image.width);
  const auto [top, height] = inside(image.height);
  const auto [window_left, window_width] = inside(size.width);
  const auto [window_top, window_height] = inside(size.height);
  Resize resize{{left, top, width, height}, size, {window_left, window_top, window_width, window_height}};
  if (*rc::gen::arbitrary<bool>()) {
    const auto fraction = [](std::int64_t of) {
      return static_cast<double>(*rc::gen::inRange(1, 64)) / 64 * static_cast<double>(of);
    };
    resize.part.width = fraction(width);
    resize.part.height = fraction(height);
    resize.part.left = fraction(width) / static_cast<double>(width) * (static_cast<double>(width) - resize.part.width);
    resize.part.top =
        fraction(height) / static_cast<double>(height) * (static_cast<double>(height) - resize.part.height);
  }
  resize.mirrored = *rc::gen::arbitrary<bool>();
  const Bytes pixels = picture(image, *rc::gen::arbitrary<std::uint32_t>());
  const Bytes output = run(pixels, image, resize);
  const std::vector<double> wanted = expected(pixels, image, resize);
  for (std::size_t i = 0; i < output.size(); ++i) RC_ASSERT(std::abs(output[i] - wanted[i]) < 1.01);
}

TEST(Resize, ToItsOwnSizeChangesNothing) {
  const ImageSize size{19, 8};
  const Bytes pixels = picture(size);
  EXPECT_EQ(run(pixels, size, Resize::whole({0, 0, 19, 8}, size)), pixels);
}

TEST(Resize, OfAShrunkImageKeepsFractionsOfItsPixels) {
  const Resize resize = Resize::whole({3, 2, 5, 4}, {2, 3}), half = resize.of_shrunk(2);
  EXPECT_EQ(half.box, (Box{1, 1, 3, 2}));  // columns 3 to 7 of 1|2 3|4 5|6 7
  EXPECT_EQ(half.part.left, 0.5);
  EXPECT_EQ(half.part.width, 2.5);
  EXPECT_EQ(half.part.top, 0);
  EXPECT_EQ(half.part.height, 2);
  EXPECT_EQ(half.size, resize.size);
  EXPECT_EQ(half.window, resize.window);
}

TEST(Resize, OneColourStaysThatColour) {
  for (const int value : {0, 1, 127, 254, 255}) {
    const ImageSize size{31, 17};
    const Bytes pixels(31 * 17 * 3, static_cast<std::uint8_t>(value));
    for (const ImageSize& to : {ImageSize{224, 224}, ImageSize{1, 1}, ImageSize{7, 90}}) {
      const Bytes output = run(pixels, size, Resize::whole({0, 0, 31, 17}, to));
      EXPECT_TRUE(std::ranges::all_of(output, [&](std::uint8_t pixel) { return pixel == value; })) << value;
    }
  }
}

// An image of one pixel by 10,000, whose shorter side becomes 256: the resized image would have 2 GB.
TEST(Resize, OnlyTheWindowIsMade) {
  const ImageSize image{1, 10'000};
  const Bytes pixels = picture(image);
  const Bytes output = run(pixels, image, {{0, 0, 1, 10'000}, {256, 2'560'000}, {16, 1'279'888, 224, 224}});
  const auto middle = static_cast<std::size_t>(112 * 224 * 3);
  EXPECT_EQ(output[middle], output[middle + 3]) << "a row comes from one pixel";
}

TEST(Resize, ABoxOutsideOfTheImageIsRefused) {
  const ImageSize image{4, 4};
  const Bytes pixels = picture(image);
  for (const Box& box : {Box{1, 0, 4, 4}, Box{0, -1, 4, 4}, Box{0, 0, 0, 4}, Box{0, 0, 4, 5}}) {
    EXPECT_EQ(error_of([&] { run(pixels, image, Resize::whole(box, {2, 2})); }).kind(), ErrorKind::kInternal);
  }
  EXPECT_EQ(error_of([&] { run(pixels, image, {{0, 0, 4, 4}, {2, 2}, {1, 0, 2, 2}}); }).kind(), ErrorKind::kInternal);
}

}  // namespace
}  // namespace drift
