// An array in (emulated) device memory for tests: filled from doubles, rounded to its element type, and read back.
#pragma once

#include <cstdint>
#include <cuda_runtime_api.h>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/emulator/cudnn/element.h"

namespace drift::emulator::testing {

inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw std::runtime_error(std::string(what) + ": cudaError_t " + std::to_string(status));
}

class DeviceArray {
 public:
  // `values` are rounded to the element type.
  DeviceArray(Element element, const std::vector<double>& values)
      : DeviceArray(element, static_cast<std::int64_t>(values.size())) {
    const std::vector<float> floats(values.begin(), values.end());
    std::vector<std::byte> bytes(bytes_);
    store_run(element_, bytes.data(), 0, 1, size_, floats.data());
    check(cudaMemcpy(address_, bytes.data(), bytes_, cudaMemcpyHostToDevice), "cudaMemcpy to the device");
  }
  DeviceArray(Element element, std::int64_t size)
      : element_(element), size_(size), bytes_(element_bytes(element, size)) {
    check(cudaMalloc(&address_, bytes_), "cudaMalloc");
  }
  ~DeviceArray() { cudaFree(address_); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  void* address() const { return address_; }

  // Waits for the device.
  std::vector<double> values() const {
    std::vector<std::byte> bytes(bytes_);
    check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
    check(cudaMemcpy(bytes.data(), address_, bytes_, cudaMemcpyDeviceToHost), "cudaMemcpy to the host");
    std::vector<float> floats(static_cast<std::size_t>(size_));
    load_run(element_, bytes.data(), 0, 1, size_, floats.data());
    return {floats.begin(), floats.end()};
  }

 private:
  Element element_;
  std::int64_t size_;
  std::size_t bytes_;
  void* address_ = nullptr;
};

}  // namespace drift::emulator::testing
