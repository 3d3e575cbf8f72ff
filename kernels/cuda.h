// The CUDA side of kernels/device.h and kernels/backend.h. A build without CUDA links kernels/missing/cuda.cpp instead,
// where there are no devices and asking for one is an error.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "kernels/backend.h"
#include "kernels/device.h"
#include "kernels/observed/kernel_watch.h"

namespace drift {

int cuda_device_count();                   // throws kDevice where there is a driver, but too old for this build
void require_cuda_device(int device);      // throws kDevice for a GPU that this build cannot use
std::string cuda_device_name(int device);  // "NVIDIA H100 80GB HBM3, sm_90"
std::int64_t free_bytes_cuda(int device);
void make_cuda_current(int device);
std::unique_ptr<Stream> make_cuda_stream(int device);
void* allocate_cuda(int device, std::size_t bytes);  // nullptr when there is no memory
void free_cuda(int device, void* data) noexcept;
void* allocate_cuda_host(int device, std::size_t bytes);  // page-locked; nullptr when there is no memory
void free_cuda_host(int device, void* data) noexcept;
void copy_from_host_cuda(Stream& stream, const void* from, std::size_t bytes, void* to);  // from page-locked memory
void begin_cuda_profile(int device);
void end_cuda_profile(int device) noexcept;
void* make_cuda_event(int device);
void destroy_cuda_event(int device, void* event) noexcept;
void record_cuda_event(void* event, Stream& stream);
void wait_cuda_event(void* event, Stream& stream);
void synchronize_cuda_event(int device, void* event);
std::unique_ptr<KernelWatch> make_cuda_kernel_watch();  // throws kDevice where there is no CUPTI to use
std::unique_ptr<Backend> make_cuda_backend(Stream& stream, const BackendOptions& options);

// A backend that runs nothing: it builds and explains the plan that each vendor operation would use on the device
// described by `device_properties` (a JSON file), which need not be there. `stream` is the CPU's, and memory is never
// touched.
std::unique_ptr<Backend> make_planning_backend(Stream& stream, const std::filesystem::path& device_properties,
                                               const BackendOptions& options);

}  // namespace drift
