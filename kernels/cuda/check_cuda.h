// DRIFT_CUDA(call, "conv2d_forward x {}", shape): runs a CUDA runtime call and throws kDevice with the call, CUDA's
// name and text for what went wrong, and what was being done. An error of an earlier kernel also comes out here,
// because kernels run later than they are launched; the text says so.
#pragma once

#include <cuda_runtime_api.h>

#include "core/check.h"

#define DRIFT_CUDA(call, ...)                                                                                          \
  do {                                                                                                                 \
    const cudaError_t drift_cuda_status = (call);                                                                      \
    if (drift_cuda_status != cudaSuccess) {                                                                            \
      DRIFT_FAIL(kDevice, "{}: {} failed: {} ({}){}", ::fmt::format(__VA_ARGS__), #call,                               \
                 cudaGetErrorName(drift_cuda_status), cudaGetErrorString(drift_cuda_status),                           \
                 ::drift::is_kernel_error(drift_cuda_status) ? "; a kernel that was launched before went wrong" : ""); \
    }                                                                                                                  \
  } while (false)

namespace drift {

// Whether the error may come from any kernel enqueued before, not from the call that reports it.
inline bool is_kernel_error(cudaError_t status) {
  return status == cudaErrorIllegalAddress || status == cudaErrorLaunchFailure ||
         status == cudaErrorMisalignedAddress || status == cudaErrorIllegalInstruction ||
         status == cudaErrorHardwareStackError || status == cudaErrorAssert || status == cudaErrorLaunchTimeout;
}

}  // namespace drift
