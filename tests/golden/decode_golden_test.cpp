// Decoding against Pillow (scripts/make_golden_images.py): PNG byte by byte, JPEG by libjpeg-turbo too, by stb_image
// within what two inverse transforms and two ways from YCbCr to RGB may differ by.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

#include "data/image_decoder.h"
#include "tests/golden/safetensors.h"
#include "tests/support/file_damage.h"

namespace drift::testing {
namespace {

// The largest difference to Pillow, and the mean one.
struct Difference {
  double most = 0, mean = 0;
};
Difference difference(ImageDecoder& decoder, const std::string& name, const reference::Array& expected) {
  const std::vector<std::uint8_t> bytes = file_bytes(std::filesystem::path(DRIFT_IMAGES) / name);
  const DecodedImage decoded = decoder.decode(bytes);
  EXPECT_EQ(decoded.full, (ImageSize{17, 11})) << name;
  EXPECT_EQ(decoded.image.size, decoded.full) << name;
  Difference result;
  for (std::int64_t i = 0; i < expected.elements(); ++i) {
    const double off = std::abs(decoded.image.pixels[static_cast<std::size_t>(i)] - expected[i]);
    result.most = std::max(result.most, off);
    result.mean += off / static_cast<double>(expected.elements());
  }
  return result;
}

// Of grey images with 16 bits, Pillow takes what is above 255 for 255. Ours is the high byte, which in this one is the
// grey image with 8.
GoldenFile decoded_by_pillow() {
  GoldenFile golden = read_golden("decode.safetensors");
  golden.tensors["grey16.png"] = golden.at("grey.png");
  return golden;
}

TEST(DecodeGolden, EqualsPillow) {
  const GoldenFile golden = decoded_by_pillow();
  ASSERT_EQ(golden.tensors.size(), 13u);
  ImageDecoder decoder;
  for (const auto& [name, expected] : golden.tensors) {
    if (name.ends_with(".jpg") && best_jpeg_library() == JpegLibrary::kStb) continue;
    EXPECT_EQ(difference(decoder, name, expected).most, 0) << name;
  }
}

TEST(DecodeGolden, ByStbIsNearPillow) {
  const GoldenFile golden = decoded_by_pillow();
  ImageDecoder decoder(JpegLibrary::kStb);
  for (const auto& [name, expected] : golden.tensors) {
    const Difference off = difference(decoder, name, expected);
    EXPECT_LE(off.most, 6) << name;
    EXPECT_LE(off.mean, 1) << name;
  }
}

}  // namespace
}  // namespace drift::testing
