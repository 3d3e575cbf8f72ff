// Batch norm with batch statistics on cuDNN: forward, also with the residual addition and the ReLU behind it, and
// backward through both. What cuDNN does not take (supports() is false) is left to our own kernels; the two may be
// mixed, because statistics and mask mean the same to both.
#pragma once

#include "kernels/cuda/cudnn/context.h"

namespace drift {

class CudnnBatchNorms {
 public:
  explicit CudnnBatchNorms(CudnnContext& context) : context_(context) {}

  static bool supports(const BatchNormForward& args) { return cudnn_supports(args); }
  static bool supports(const BatchNormBackward& args) { return cudnn_supports(args); }

  void forward(const BatchNormForward& args);
  void backward(const BatchNormBackward& args);

 private:
  CudnnContext& context_;
};

}  // namespace drift
