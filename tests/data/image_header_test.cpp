#include "data/image_header.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <string>

#include "tests/data/data_support.h"
#include "tests/support/file_damage.h"

namespace drift {
namespace {

using testing::contains;

ImageHeader header_of(const std::string& text) {
  return read_image_header({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}
std::string refusal(const std::string& text) {
  return testing::message_of(ErrorKind::kData, [&] { header_of(text); });
}

// 17x11 pixels each, by Pillow (scripts/make_golden_images.py).
const std::map<std::string, std::string>& images() {
  static const auto read = [] {
    std::map<std::string, std::string> texts;
    for (const auto& entry : std::filesystem::directory_iterator(DRIFT_IMAGES)) {
      texts[entry.path().filename().string()] = testing::file_text(entry.path());
    }
    return texts;
  }();
  return read;
}

// A JPEG segment or a PNG chunk is big-endian.
std::string number(std::uint32_t value, int bytes) {
  std::string text;
  while (bytes-- > 0) text += static_cast<char>(value >> (8 * bytes));
  return text;
}
std::string frame(std::uint32_t bits, std::uint32_t height, std::uint32_t width) {
  return "\xff\xc0" + number(8 + 3, 2) + number(bits, 1) + number(height, 2) + number(width, 2) + "\1" + "\1\x11" +
         std::string(1, '\0');
}

TEST(ImageHeader, OfEveryKindSaysItsSize) {
  ASSERT_EQ(images().size(), 13u);
  for (const auto& [name, text] : images()) {
    const ImageHeader header = header_of(text);
    EXPECT_EQ(header.size, (ImageSize{17, 11})) << name;
    EXPECT_EQ(header.format, name.ends_with(".png") ? ImageFormat::kPng : ImageFormat::kJpeg) << name;
    EXPECT_EQ(header_of(text + "what follows").size, header.size) << name;
  }
}

TEST(ImageHeader, AnythingCutOffIsRefused) {
  for (const auto& [name, text] : images()) {
    for (std::size_t bytes = 0; bytes < text.size(); ++bytes) {
      const std::string message = refusal(text.substr(0, bytes));
      EXPECT_TRUE(contains(message, "cut off") || bytes < 8) << name << " of " << bytes << " bytes: " << message;
    }
  }
}

TEST(ImageHeader, AFlippedBitOfAPngIsSeen) {
  for (const auto& [name, text] : images()) {
    if (!name.ends_with(".png")) continue;
    for (std::size_t bit = 0; bit < 8 * text.size(); ++bit) {
      std::string damaged = text;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      refusal(damaged);
    }
  }
}

TEST(ImageHeader, SaysWhatIsNoImage) {
  EXPECT_EQ(refusal(""), "an empty file");
  EXPECT_EQ(refusal("GIF89a"), "neither JPEG nor PNG: it begins with 47 49 46 38 39 61");
  EXPECT_EQ(refusal("x"), "neither JPEG nor PNG: it begins with 78");
}

TEST(ImageHeader, RefusesWhatCannotBeReadOrWouldTakeAllMemory) {
  const std::string start = "\xff\xd8", scan = "\xff\xda" + number(2, 2), end = "\xff\xd9";
  EXPECT_EQ(header_of(start + frame(8, 300, 200) + scan + end).size, (ImageSize{200, 300}));
  EXPECT_TRUE(contains(refusal(start + frame(8, 20'000, 20'000) + scan + end), "20000x20000 pixels are more than"));
  EXPECT_TRUE(contains(refusal(start + frame(8, 0, 20) + scan + end), "an image of 20x0 pixels"));
  EXPECT_TRUE(contains(refusal(start + frame(12, 9, 9) + scan + end), "12 bits a sample"));
  EXPECT_TRUE(contains(refusal(start + scan + end), "a scan without a frame"));
  EXPECT_TRUE(contains(refusal(start + frame(8, 9, 9) + end), "without pixels"));
  EXPECT_TRUE(contains(refusal(start + frame(8, 9, 9) + frame(8, 9, 9) + scan + end), "a second frame"));
  EXPECT_TRUE(contains(refusal(start + "\xff\xe0" + number(1, 2) + end), "1 bytes long"));
  EXPECT_TRUE(contains(refusal(start + "text"), "no marker at byte 2"));
  const std::string lengths(16, '\x11'), table = "\xff\xc4" + number(2 + 17 + 272, 2) + '\0' + lengths;
  EXPECT_TRUE(contains(refusal(start + table + std::string(272, '\0') + end), "Huffman table 0x0 of 272 codes"));
  const std::string one = '\1' + std::string(15, '\0');
  const auto with_table = [&](char kind, char symbol) {
    return start + "\xff\xc4" + number(2 + 17 + 1, 2) + kind + one + symbol + frame(8, 9, 9) + scan + end;
  };
  EXPECT_EQ(header_of(with_table(0, 15)).size, (ImageSize{9, 9}));
  EXPECT_EQ(header_of(with_table(0x13, '\xff')).size, (ImageSize{9, 9}));
  EXPECT_TRUE(contains(refusal(with_table(0, 16)), "too many bits"));
  EXPECT_TRUE(
      contains(refusal(start + "\xff\xc4" + number(2 + 1, 2) + '\0' + end), "a Huffman table at byte 7 needs 16"));
  EXPECT_TRUE(contains(refusal(with_table(4, 1)), "Huffman table 0x4"));
  EXPECT_TRUE(contains(refusal(with_table(0x20, 1)), "Huffman table 0x20"));
  std::string png = images().at("rgb.png");
  EXPECT_TRUE(contains(refusal(png.substr(0, 8) + png.substr(33)), "IHDR is not where it must be"));
  EXPECT_TRUE(contains(refusal(png.substr(0, 33) + png.substr(8)), "IHDR is not where it must be"));
  EXPECT_TRUE(contains(refusal(png.substr(0, 33) + png.substr(png.size() - 12)), "without pixels"));
}

}  // namespace
}  // namespace drift
