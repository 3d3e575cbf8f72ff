// The CPU's side of kernels/device.h.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/device.h"

namespace drift {

std::unique_ptr<Stream> make_cpu_stream(int threads);
std::int64_t free_bytes_cpu();
void* allocate_cpu(std::size_t bytes);  // nullptr when there is no memory
void free_cpu(void* data) noexcept;

}  // namespace drift
