// Resizing against Pillow, byte by byte (scripts/make_golden_images.py).
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "data/resize.h"
#include "tests/golden/safetensors.h"

namespace drift::testing {
namespace {

std::vector<std::uint8_t> formula(const ImageSize& size) {
  std::vector<std::uint8_t> pixels;
  for (std::int64_t y = 0; y < size.height; ++y) {
    for (std::int64_t x = 0; x < size.width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        const std::int64_t value = x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + (x / 3 + y / 2) % 2 * 90;
        pixels.push_back(static_cast<std::uint8_t>(value % 256));
      }
    }
  }
  return pixels;
}

TEST(ResizeGolden, EqualsPillow) {
  const GoldenFile golden = read_golden("resize.safetensors");
  const auto cases = nlohmann::json::parse(golden.metadata.at("cases"));
  ASSERT_GE(cases.size(), 9u);
  Resizer resizer;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto& [image, box, to] = std::tuple(cases[i]["image"], cases[i]["box"], cases[i]["size"]);
    const ImageSize size{image[0], image[1]};
    const Resize resize = Resize::whole({box[0], box[1], box[2], box[3]}, {to[0], to[1]});
    const std::vector<std::uint8_t> pixels = formula(size);
    std::vector<std::uint8_t> output(static_cast<std::size_t>(resize.size.width * resize.size.height * 3));
    resizer.run({pixels, size}, resize, output);
    const reference::Array& expected = golden.at(std::to_string(i));
    ASSERT_EQ(static_cast<std::size_t>(expected.elements()), output.size());
    for (std::size_t k = 0; k < output.size(); ++k) {
      ASSERT_EQ(output[k], expected[static_cast<std::int64_t>(k)]) << cases[i] << " byte " << k;
    }
  }
}

}  // namespace
}  // namespace drift::testing
