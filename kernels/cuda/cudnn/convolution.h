// Convolution on cuDNN. Weight gradients come out in float32; where cuDNN cannot write them so from bfloat16 operands,
// these are widened in the workspace first.
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
