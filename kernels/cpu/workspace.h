// Workspace: scratch memory of one backend, grown to the largest request and then kept. Each operation cuts what it
// needs from the start, so nothing in it survives from one operation to the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/device.h"

namespace drift {

class Workspace {
 public:
  explicit Workspace(Device device) : device_(device) {}

  // Memory for the parts of one operation, each aligned to 64 bytes; valid until the next cut().
  template <class... Bytes>
  auto cut(Bytes... bytes) {
    const std::size_t total = (rounded(static_cast<std::size_t>(bytes)) + ...);
    if (total > storage_.bytes()) {
      storage_ = Storage();  // free first
      storage_ = Storage(device_, total);
    }
    std::byte* next = static_cast<std::byte*>(storage_.data());
    const auto take = [&](std::size_t size) {
      std::byte* part = next;
      next += rounded(size);
      return part;
    };
    return std::array<std::byte*, sizeof...(Bytes)>{take(static_cast<std::size_t>(bytes))...};
  }

  float* floats(std::int64_t count) { return reinterpret_cast<float*>(cut(count * std::int64_t{sizeof(float)})[0]); }
  // Host memory for totals, likewise.
  std::vector<double>& doubles(std::int64_t count) {
    doubles_.resize(static_cast<std::size_t>(count));
    return doubles_;
  }

 private:
  static std::size_t rounded(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

  Device device_;
  Storage storage_;
  std::vector<double> doubles_;
};

}  // namespace drift
