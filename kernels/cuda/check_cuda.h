// DRIFT_CUDA(call, "conv2d_forward x {}", shape): runs a CUDA runtime call and throws kDevice with the call, CUDA's
// name and text for what went wrong, and what was being done. An error of an earlier kernel also comes out here,
// because kernels run later than they are launched; the text says so. DRIFT_CUDA_STATUS(status, "cudaMalloc", ...) does
// it for a status that was looked at before, and warn_cuda() is for destructors, which must not throw.
#pragma once

#include <cuda_runtime_api.h>

#include "core/check.h"
#include "core/log.h"

#define DRIFT_CUDA_STATUS(status, call, ...)                                                                           \
  do {                                                                                                                 \
    const cudaError_t drift_cuda_status = (status);                                                                    \
    if (drift_cuda_status != cudaSuccess) {                                                                            \
      DRIFT_FAIL(kDevice, "{}: {} failed: {} ({}){}", ::fmt::format(__VA_ARGS__), call,                                \
                 cudaGetErrorName(drift_cuda_status), cudaGetErrorString(drift_cuda_status),                           \
                 ::drift::is_kernel_error(drift_cuda_status) ? "; a kernel that was launched before went wrong" : ""); \
    }                                                                                                                  \
  } while (false)

#define DRIFT_CUDA(call, ...) DRIFT_CUDA_STATUS((call), #call, __VA_ARGS__)

namespace drift {

// Whether the error may come from any kernel enqueued before, not from the call that reports it.
inline bool is_kernel_error(cudaError_t status) {
  return status == cudaErrorIllegalAddress || status == cudaErrorLaunchFailure ||
         status == cudaErrorMisalignedAddress || status == cudaErrorIllegalInstruction ||
         status == cudaErrorHardwareStackError || status == cudaErrorAssert || status == cudaErrorLaunchTimeout;
}

// A call at an object's end failed. After an error of a kernel all of them do, and somebody has thrown it.
inline void warn_cuda(cudaError_t status, const char* call) noexcept {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // forget it: the next launch would report it as its own
  if (is_kernel_error(status)) return;
  log_warning("{} failed at the end of what it belongs to: {} ({})", call, cudaGetErrorName(status),
              cudaGetErrorString(status));
}

}  // namespace drift
