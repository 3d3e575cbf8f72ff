// Convolution on cuDNN. The weights lie in the arena in float32: bfloat16 convolutions read a copy in the workspace,
// made before each use because the weights change every step. Weight gradients come out in float32.
#pragma once

#include "kernels/cuda/cudnn/context.h"

namespace drift {

class CudnnConvolutions {
 public:
  explicit CudnnConvolutions(CudnnContext& context) : context_(context) {}

  void forward(const Conv2dForward& args);
  void backward_data(const Conv2dBackwardData& args);
  void backward_weights(const Conv2dBackwardWeights& args);  // dw alone; the sums over rows for dbias are the caller's

 private:
  CudnnContext& context_;
};

}  // namespace drift
