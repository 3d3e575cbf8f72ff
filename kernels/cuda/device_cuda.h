// What the rest of kernels/cuda needs to know of a CUDA stream and device. Whoever calls CUDA for a device makes it the
// current one first.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/device.h"

namespace drift {

// The CUDA stream behind a Stream of a CUDA device.
cudaStream_t cuda_handle(Stream& stream);

int compute_capability(int device);  // 90 for sm_90

// Makes `device` the calling thread's current one, before anything else is called: almost every CUDA call opens a
// context on the current device, which is GPU 0 in a new thread, and takes some hundred MB there. For the same reason
// nothing makes the device before current again: cudaSetDevice opens a context too.
void use_device(int device);
// The same for destructors, which must not throw. False where a wait for a device was given up: then nothing is
// released (kernels/device_watch.h).
[[nodiscard]] bool use_device_to_release(int device) noexcept;

// Waits for what was enqueued on a stream, or before an event was recorded (kernels/device_watch.h).
void wait_for_stream(int device, cudaStream_t stream);
void wait_for_event(int device, cudaEvent_t event);
// Whether the device has passed it.
bool is_reached(int device, cudaEvent_t event);

}  // namespace drift
