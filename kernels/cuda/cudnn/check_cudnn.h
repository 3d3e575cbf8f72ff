// DRIFT_CUDNN(call, "conv2d_forward x {}", shape): runs a cuDNN call and throws kDevice with the call, cuDNN's name for
// what went wrong, its own explanation, and what was being done.
#pragma once

#include <array>
#include <cudnn.h>
#include <string>

#include "core/check.h"

namespace drift {

inline std::string cudnn_explanation() {
  std::array<char, 1024> text{};
  cudnnGetLastErrorString(text.data(), text.size());
  return text.data();
}

}  // namespace drift

#define DRIFT_CUDNN(call, ...)                                                           \
  do {                                                                                   \
    const cudnnStatus_t drift_cudnn_status = (call);                                     \
    if (drift_cudnn_status != CUDNN_STATUS_SUCCESS) {                                    \
      DRIFT_FAIL(kDevice, "{}: {} failed: {} {}", ::fmt::format(__VA_ARGS__), #call,     \
                 cudnnGetErrorString(drift_cudnn_status), ::drift::cudnn_explanation()); \
    }                                                                                    \
  } while (false)
