// DRIFT_CUDNN(call, "conv2d_forward x {}", shape): runs a cuDNN call and throws kDevice with the call, cuDNN's name for
// what went wrong, its own explanation, and what was being done.
#pragma once

#include <array>
#include <cudnn.h>
#include <string>

#include "core/check.h"
#include "core/log.h"

namespace drift {

// " (...)", or nothing.
inline std::string cudnn_explanation() {
  std::array<char, 1024> text{};
  cudnnGetLastErrorString(text.data(), text.size());
  return text[0] == '\0' ? "" : fmt::format(" ({})", text.data());
}

// For destructors, which must not throw.
inline void warn_cudnn(cudnnStatus_t status, const char* call) noexcept {
  if (status == CUDNN_STATUS_SUCCESS) return;
  log_warning("{} failed at the end of what it belongs to: {}{}", call, cudnnGetErrorString(status),
              cudnn_explanation());
}

}  // namespace drift

#define DRIFT_CUDNN(call, ...)                                                           \
  do {                                                                                   \
    const cudnnStatus_t drift_cudnn_status = (call);                                     \
    if (drift_cudnn_status != CUDNN_STATUS_SUCCESS) {                                    \
      DRIFT_FAIL(kDevice, "{}: {} failed: {}{}", ::fmt::format(__VA_ARGS__), #call,      \
                 cudnnGetErrorString(drift_cudnn_status), ::drift::cudnn_explanation()); \
    }                                                                                    \
  } while (false)
