// The emulated cuDNN handles: a stream each. One that was destroyed is kept, so that no other gets its address and its
// use is found.
#pragma once

#include <cudnn.h>

namespace drift::emulator::cudnn {

cudnnHandle_t new_handle();
void end_handle(cudnnHandle_t handle);

// CUDNN_STATUS_SUCCESS for a living handle; otherwise what `api` returns, said on stderr where it was destroyed or
// never was one.
cudnnStatus_t check_handle(cudnnHandle_t handle, const char* api);

}  // namespace drift::emulator::cudnn

struct cudnnContext {
  cudaStream_t stream = nullptr;
  bool living = true;
};
