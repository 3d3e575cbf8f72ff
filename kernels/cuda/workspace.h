// CudaWorkspace: scratch memory of one CUDA backend. Each operation cuts what it needs from the start, so nothing in it
// survives from one operation to the next; the stream's order keeps two operations apart. It grows by a larger block
// and keeps the smaller ones until it ends, because captured steps hold their addresses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/device.h"

namespace drift {

class CudaWorkspace {
 public:
  explicit CudaWorkspace(Device device) : device_(device) {}

  // Memory for the parts of one operation, each aligned to 256 bytes.
  template <class... Bytes>
  std::array<std::byte*, sizeof...(Bytes)> cut(Bytes... bytes) {
    std::byte* next = reserve((rounded(static_cast<std::size_t>(bytes)) + ...));
    const auto take = [&](std::size_t size) {
      std::byte* part = next;
      next += rounded(size);
      return part;
    };
    return {take(static_cast<std::size_t>(bytes))...};
  }

  float* floats(std::int64_t count) { return reinterpret_cast<float*>(cut(count * std::int64_t{sizeof(float)})[0]); }

 private:
  static std::size_t rounded(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

  std::byte* reserve(std::size_t bytes) {
    if (blocks_.empty() || bytes > blocks_.back().bytes()) blocks_.emplace_back(device_, bytes);
    return static_cast<std::byte*>(blocks_.back().data());
  }

  Device device_;
  std::vector<Storage> blocks_;  // the last is the largest
};

}  // namespace drift
