#include "tests/support/drawn_images.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "core/rng.h"
#include "tests/support/file_damage.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb_image_write.h>

namespace drift::testing {

std::vector<std::uint8_t> drawn_pixels(int width, int height, int number) {
  const Rng rng(1, stream_id(Purpose::kTest, 0, static_cast<std::uint64_t>(number)));
  std::array<double, 9> waves{};
  for (std::size_t i = 0; i < waves.size(); ++i) waves[i] = 2 + 6 * double{rng.uniform(i)};
  std::vector<std::uint8_t> pixels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double u = static_cast<double>(x) / width, v = static_cast<double>(y) / height;
      const bool inside = std::hypot(u - 0.5, v - 0.4) < 0.2 + 0.1 * double{rng.uniform(20)};
      const auto noise = static_cast<double>(rng.below(100 + pixels.size(), 7));
      for (std::size_t c = 0; c < 3; ++c) {
        const double wave = std::sin(waves[3 * c] * u + waves[3 * c + 1] * v) * std::cos(waves[3 * c + 2] * (u - v));
        pixels.push_back(
            static_cast<std::uint8_t>(std::clamp(120 + 90 * wave + (inside ? 40 : 0) + noise, 0.0, 255.0)));
      }
    }
  }
  return pixels;
}

namespace {

void append(void* to, void* bytes, int size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

}  // namespace

std::string png_of(int width, int height, const std::vector<std::uint8_t>& pixels) {
  std::string file;
  stbi_write_png_to_func(append, &file, width, height, 3, pixels.data(), 3 * width);
  return file;
}

std::string drawn_file(int width, int height, int number, std::string_view format) {
  constexpr int kQuality = 90;
  const std::vector<std::uint8_t> pixels = drawn_pixels(width, height, number);
  if (format == "png") return png_of(width, height, pixels);
  std::string file;
  stbi_write_jpg_to_func(append, &file, width, height, 3, pixels.data(), kQuality);
  return file;
}

void draw_image_folder(const std::filesystem::path& directory, int train, int val) {
  int number = 0;
  for (const auto& [split, count] : {std::pair("train", train), std::pair("val", val)}) {
    for (const char* name : {"blue", "red"}) {
      const std::filesystem::path folder = directory / split / name;
      std::filesystem::create_directories(folder);
      for (int i = 0; i < count; ++i, ++number) {
        const std::string format = number % 3 == 2 ? "png" : "jpg";
        set_file_text(folder / fmt::format("{}.{}", i, format),
                      drawn_file(20 + number * 7 % 50, 20 + number * 11 % 50, number, format));
      }
    }
  }
}

}  // namespace drift::testing
