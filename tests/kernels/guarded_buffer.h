// GuardedBuffer: device memory for one operand with a band of a byte pattern before and behind it. Reads past an input
// meet the pattern (0xff: a NaN in both float types), writes past an output destroy it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace drift::testing {

class GuardedBuffer {
 public:
  // All of it, inside and out, is `pattern`.
  GuardedBuffer(Backend& backend, const Shape& shape, DType dtype, std::uint8_t pattern);

  TensorView view() const { return view_; }
  void write(const std::vector<std::byte>& inside);
  std::vector<std::byte> read() const;
  bool guards_intact() const;

 private:
  TensorView everything() const;
  std::vector<std::byte> read_everything() const;

  Backend* backend_;
  std::byte pattern_;
  Storage storage_;
  TensorView view_;
};

}  // namespace drift::testing
