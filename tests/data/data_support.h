// What the tests of this folder share: a data set whose contents can be told from the index, and the error that a call
// throws.
#pragma once

#include <atomic>
#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "core/check.h"
#include "data/dataset.h"
#include "tests/support/error_of.h"

namespace drift::testing {

// Image i is [side,side,3] with byte b equal to (7 i + b) mod 256; its label is i mod classes. Reading image `bad`
// throws kData.
class FakeDataset final : public Dataset {
 public:
  explicit FakeDataset(std::int64_t size, std::int64_t side = 2, int classes = 10) : size_(size), side_(side) {
    for (int c = 0; c < classes; ++c) names_.push_back("class " + std::to_string(c));
  }

  std::int64_t size() const override { return size_; }
  Shape image_shape() const override { return {side_, side_, 3}; }
  std::span<const std::string> class_names() const override { return names_; }
  bool in_memory() const override { return true; }
  bool read_image(std::int64_t index, std::span<std::uint8_t> image) const override {
    ++reads;
    DRIFT_CHECK(kData, index != bad, "image {} is bad", index);
    for (std::size_t b = 0; b < image.size(); ++b) image[b] = byte(index, b);
    return true;
  }
  std::int32_t label(std::int64_t index) const override { return static_cast<std::int32_t>(index % classes()); }

  static std::uint8_t byte(std::int64_t index, std::size_t b) {
    return static_cast<std::uint8_t>(7 * static_cast<std::size_t>(index) + b);
  }

  std::int64_t bad = -1;
  mutable std::atomic<std::int64_t> reads = 0;

 private:
  std::int64_t size_, side_;
  std::vector<std::string> names_;
};

// Expects that `call` throws an Error of this kind and returns its message.
template <class Call>
std::string message_of(ErrorKind kind, Call call) {
  const Error error = error_of(call);
  EXPECT_EQ(error.kind(), kind) << error.what();
  return error.message();
}

// Pearson's statistic of counts that should be equal; its mean is (number of counts - 1), its variance twice that.
inline double chi_square(const std::vector<std::int64_t>& counts) {
  double total = 0;
  for (const std::int64_t count : counts) total += static_cast<double>(count);
  const double expected = total / static_cast<double>(counts.size());
  double sum = 0;
  for (const std::int64_t count : counts) {
    const double difference = static_cast<double>(count) - expected;
    sum += difference * difference / expected;
  }
  return sum;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace drift::testing
