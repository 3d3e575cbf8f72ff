// Small sets in the layouts of CIFAR-10 and CIFAR-100, whose images can be told from each other.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/fingerprint.h"
#include "tests/support/file_damage.h"
#include "tests/support/tar_archive.h"

namespace drift::testing {

constexpr std::int64_t kRecord10 = 3073;
constexpr std::int64_t kRecord100 = 3074;

// A record whose planes differ: red is `shade` + x, green + 50, blue + 100.
inline std::string record(const std::string& labels, int shade) {
  std::string bytes = labels;
  for (int plane = 0; plane < 3; ++plane) {
    for (int pixel = 0; pixel < 1024; ++pixel) bytes += static_cast<char>(shade + 50 * plane + pixel % 32);
  }
  return bytes;
}

inline void write(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  ASSERT_TRUE(out.good()) << path;
}

inline std::string text(char label) {
  return std::string(1, label);
}

// data_batch_i.bin: labels i and i + 1; test_batch.bin: labels 0, 1, 9.
inline void write_cifar10(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  for (char i = 1; i <= 5; ++i) {
    write(directory / ("data_batch_" + std::to_string(i) + ".bin"),
          record(text(i), i) + record(text(static_cast<char>(i + 1)), 10 * i));
  }
  write(directory / "test_batch.bin", record(text(0), 0) + record(text(1), 1) + record(text(9), 2));
}

inline void write_cifar100(const std::filesystem::path& directory) {
  std::filesystem::create_directories(directory);
  write(directory / "train.bin", record({19, 99}, 1) + record({0, 1}, 2) + record({3, 4}, 3));
  write(directory / "test.bin", record({5, 42}, 4));
}

inline void overwrite_byte(const std::filesystem::path& path, std::int64_t offset, char value) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(offset);
  file.put(value);
  ASSERT_TRUE(file.good()) << path;
}

// The files of a folder, below `inside`, in another order than they are read in.
inline std::vector<TarEntry> entries_of(const std::filesystem::path& folder, const std::string& inside) {
  std::vector<TarEntry> entries;
  for (const std::filesystem::directory_entry& file : std::filesystem::directory_iterator(folder)) {
    entries.push_back({inside + file.path().filename().string(), file_text(file.path())});
  }
  std::ranges::sort(entries, std::ranges::greater(), &TarEntry::name);
  return entries;
}

inline void expect_same_sets(const DataSource& a, const DataSource& b) {
  EXPECT_EQ(fingerprint(a), fingerprint(b));
  EXPECT_TRUE(std::ranges::equal(a.train->class_names(), b.train->class_names()));
  EXPECT_EQ(a.normalisation.std, b.normalisation.std);
}

}  // namespace drift::testing
