// The same drawn images twice: as CIFAR-10's binary files, sorted by class, and as an image folder of PNG files.
#pragma once

#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "tests/support/drawn_images.h"
#include "tests/support/file_damage.h"

namespace drift::testing {

// directory/binary and directory/folder: `train` and `test` images of each class; `train` is divided by 5.
inline void write_cifar_pair(const std::filesystem::path& directory, int train, int test) {
  constexpr const char* kNames[] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                    "dog",      "frog",       "horse", "ship", "truck"};
  constexpr std::size_t kPlane = 1024;
  int number = 0;
  const auto records = [&](const char* split, int count) {
    std::string bytes;
    for (int label = 0; label < 10; ++label) {
      const std::filesystem::path folder = directory / "folder" / split / kNames[label];
      std::filesystem::create_directories(folder);
      for (int i = 0; i < count; ++i) {
        const std::vector<std::uint8_t> pixels = drawn_pixels(32, 32, number++);
        set_file_text(folder / fmt::format("{:04}.png", i), png_of(32, 32, pixels));
        bytes += static_cast<char>(label);
        for (std::size_t at = 0; at < 3 * kPlane; ++at) {
          bytes += static_cast<char>(pixels[3 * (at % kPlane) + at / kPlane]);
        }
      }
    }
    return bytes;
  };
  std::filesystem::create_directories(directory / "binary");
  const std::string all = records("train", train);
  const std::size_t part = all.size() / 5;
  for (std::size_t i = 0; i < 5; ++i) {
    set_file_text(directory / fmt::format("binary/data_batch_{}.bin", i + 1), all.substr(i * part, part));
  }
  set_file_text(directory / "binary/test_batch.bin", records("val", test));
}

}  // namespace drift::testing
