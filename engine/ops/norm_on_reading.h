// Between batch_norm.cpp and conv2d.cpp: relu(batch_norm(x)) that nobody stores.
#pragma once

#include "engine/ops/ops.h"

namespace drift {

struct NormOnReading {
  Value value;           // its place in backward
  Tensor mean, inv_std;  // what `norm` refers to; with a tape that records, the node of the batch norm has it too
  InputNorm norm;
};

// The statistics, and the node that takes the gradient of the ReLU's result.
NormOnReading batch_norm_relu_on_reading(Tape& tape, const Tensor& x, const BatchNormState& state);

}  // namespace drift
