// Of each output of a resizing in one direction: which inputs it is made of, and how they are weighted, in fixed point.
// Several of them side by side are a line: rows of an image, or columns of a few of its rows.
#pragma once

#include <cstdint>
#include <vector>

namespace drift {

class ResizeWeights {
 public:
  // Of the inputs [origin, origin + extent), of which there are `inputs`, made `outputs`: those from `begin` on. A
  // triangle as wide as two inputs or, where they become fewer, two outputs.
  void set(std::int64_t inputs, double origin, double extent, std::int64_t outputs, std::int64_t begin,
           std::int64_t count);
  void mirror();  // the last output becomes the first

  // The inputs that have a weight.
  std::int64_t first_input() const;
  std::int64_t end_input() const;

  // Lines of so many bytes follow each other after so many; of inputs kLineMultiple bytes can be read wherever a line
  // has one of them. from: the line of input number first_input().
  static constexpr std::int64_t kLineMultiple = 16;
  void apply(const std::uint8_t* from, std::int64_t from_apart, std::int64_t bytes, std::uint8_t* to,
             std::int64_t to_apart) const;

 private:
  std::vector<std::int64_t> first_;   // of each output: the input of its first weight
  std::vector<std::int32_t> values_;  // most_ for each output, those that it does not need being 0
  std::size_t most_ = 0;
};

}  // namespace drift
