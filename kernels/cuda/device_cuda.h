// What the rest of kernels/cuda needs to know of a CUDA stream and device.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/device.h"

namespace drift {

// The CUDA stream behind a Stream of a CUDA device.
cudaStream_t cuda_handle(Stream& stream);

// Makes `device` the calling thread's current one until the end of the scope.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device);
  ~DeviceGuard();
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int device_, before_ = 0;
};

}  // namespace drift
