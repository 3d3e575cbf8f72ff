// Every op a model can be made of: each checks its arguments, allocates its output, runs on the tape's backend and,
// when the tape records, leaves a node that runs it backward, both within a span of its layer's name: that of its
// parameters, or `layer` where it has none (which must live as long as the tape). One file per op beside this one.
// Shapes and formulas: kernels/op.h.
#pragma once

#include "engine/parameter_set.h"
#include "engine/tape.h"

namespace drift {

// x [N,H,W,I], weight [O,k,k,I], bias [O] or nullptr -> [N,OH,OW,O].
Tensor conv2d(Tape& tape, const Tensor& x, const Parameter& weight, const Parameter* bias, std::int64_t stride,
              std::int64_t pad);

// The statistics a batch norm keeps beside its parameters.
struct BatchNormState {
  const Parameter& gamma;
  const Parameter& beta;
  const Buffer& running_mean;
  const Buffer& running_var;
  float epsilon = 1e-5f;
};
Tensor batch_norm(Tape& tape, const Tensor& x, const BatchNormState& state);
Tensor batch_norm_relu(Tape& tape, const Tensor& x, const BatchNormState& state);
// relu(batch_norm(x) + residual), the end of a residual block.
Tensor batch_norm_add_relu(Tape& tape, const Tensor& x, const Tensor& residual, const BatchNormState& state);

// conv2d of relu(batch_norm(x)). Where the backend normalises what a convolution reads, the result of the ReLU is never
// stored: x is read in its place, forward and backward (InputNorm in kernels/op.h).
Tensor batch_norm_relu_conv2d(Tape& tape, const Tensor& x, const BatchNormState& state, const Parameter& weight,
                              const Parameter* bias, std::int64_t stride, std::int64_t pad);

Tensor group_norm(Tape& tape, const Tensor& x, const Parameter& gamma, const Parameter& beta, std::int64_t groups);
Tensor activation(Tape& tape, const Tensor& x, Activation kind, std::string_view layer = "activation");
Tensor add(Tape& tape, const Tensor& a, const Tensor& b, std::string_view layer = "add");
// Parameter-free shortcut (He et al. 2016, option A): every stride-th pixel, channels zero-padded on both sides.
Tensor shortcut(Tape& tape, const Tensor& x, std::int64_t stride, std::int64_t channels,
                std::string_view layer = "shortcut");
Tensor pool(Tape& tape, const Tensor& x, Pooling pooling, Window window, std::string_view layer = "pool");
// [N,H,W,C] -> [N,C]
Tensor global_average_pool(Tape& tape, const Tensor& x, std::string_view layer = "global_average_pool");
// x [N,I] -> [N,O] float32.
Tensor linear(Tape& tape, const Tensor& x, const Parameter& weight, const Parameter& bias);

// The loss: result float32 [3] = mean cross-entropy, top-1 count, top-5 count. labels int32 [N]. Always the last op of
// a tape that runs backward. label_smoothing: in [0, 1], the part of the target that all classes share.
Tensor softmax_cross_entropy(Tape& tape, const Tensor& logits, const TensorView& labels, float label_smoothing = 0);

}  // namespace drift
