// DRIFT_CUBLAS(call, "linear x {}", shape): runs a cuBLASLt call and throws kDevice with the call, cuBLAS's name and
// text for what went wrong, and what was being done.
#pragma once

#include <cublasLt.h>

#include "core/check.h"

#define DRIFT_CUBLAS(call, ...)                                                                             \
  do {                                                                                                      \
    const cublasStatus_t drift_cublas_status = (call);                                                      \
    if (drift_cublas_status != CUBLAS_STATUS_SUCCESS) {                                                     \
      DRIFT_FAIL(kDevice, "{}: {} failed: {} ({})", ::fmt::format(__VA_ARGS__), #call,                      \
                 cublasLtGetStatusName(drift_cublas_status), cublasLtGetStatusString(drift_cublas_status)); \
    }                                                                                                       \
  } while (false)
