// The CUDA side of kernels/device.h and kernels/backend.h. A build without CUDA links kernels/missing/cuda.cpp instead,
// where there are no devices and asking for one is an error.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/backend.h"
#include "kernels/device.h"

namespace drift {

int cuda_device_count();
std::unique_ptr<Stream> make_cuda_stream(int device);
void* allocate_cuda(int device, std::size_t bytes);  // nullptr when there is no memory
void free_cuda(int device, void* data) noexcept;
std::unique_ptr<Backend> make_cuda_backend(Stream& stream);

}  // namespace drift
