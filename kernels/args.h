// What Backend functions take: TensorView and one argument struct per operation, with the shape rules of each.
// All tensors are dense; images are [N,H,W,C], "rows" are N*H*W. T stands for the activation type, float32 or bfloat16;
// all T tensors of one call have the same type. Everything else (biases, statistics, gradients of parameters) is
// float32 unless said. NaN in, NaN out: what a formula makes of a NaN is a NaN, and where a formula chooses, the choice
// is stated here (docs/numerics.md).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/dtype.h"
#include "core/shape.h"

namespace drift {

struct TensorView {
  void* data = nullptr;
  Shape shape;
  DType dtype = DType::kFloat32;

  explicit operator bool() const { return data != nullptr; }
  std::int64_t elements() const { return shape.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

// Square windows: output extent = floor((extent + 2 pad - window) / stride) + 1.
struct Window {
  std::int64_t size = 3;
  std::int64_t stride = 1;
  std::int64_t pad = 0;

  std::int64_t output_extent(std::int64_t extent) const { return (extent + 2 * pad - size) / stride + 1; }
  bool operator==(const Window&) const = default;
};

// y = conv(x, w) + bias.  x T [N,H,W,I], w T [O,k,k,I], bias [O] or none, y T [N,OH,OW,O].
struct Conv2dForward {
  Window window;
  TensorView x, w, bias, y;
};
// dx T like x, from dy T like y and w T.
struct Conv2dBackwardData {
  Window window;
  TensorView dy, w, dx;
};
// dw [O,k,k,I], dbias [O] or none; both overwritten.
struct Conv2dBackwardWeights {
  Window window;
  TensorView x, dy, dw, dbias;
};

// y = x w^T + bias.  x T [N,I], w T [O,I], bias [O] or none, y [N,O] float32 (it feeds the loss).
struct LinearForward {
  TensorView x, w, bias, y;
};
// dy [N,O] float32; x T, w T; dx T [N,I] or none, dw [O,I], dbias [O] or none; outputs overwritten.
struct LinearBackward {
  TensorView x, dy, w, dx, dw, dbias;
};

// Per channel over rows: y = (x - mean) * inv_std * gamma + beta, then + z if given, then ReLU if `mask` is given.
// x, z, y T [N,H,W,C]; gamma, beta, mean, inv_std [C]; mask uint8 [rows, ceil(C/8)]: bit c%8 of byte c/8 is 1 where the
// ReLU passes (our kernels set it for a NaN, cuDNN does not). inv_std = 1 / sqrt(var + epsilon), var biased.
// running_mean and running_var (unbiased var), if given, move by running <- (1 - momentum) running + momentum batch.
// Source: Ioffe and Szegedy 2015, algorithm 1.
struct BatchNormForward {
  TensorView x, z, gamma, beta, y, mask, mean, inv_std, running_mean, running_var;
  float epsilon = 1e-5f;
  float momentum = 0.1f;
};
// y from stored statistics: y = (x - mean) / sqrt(var + epsilon) * gamma + beta [+ z] [ReLU].
struct BatchNormInference {
  TensorView x, z, gamma, beta, mean, var, y;
  bool relu = false;
  float epsilon = 1e-5f;
};
// g = (dy + dy2) * mask, 0 * NaN being NaN (dy2, mask optional);  dgamma = sum g xhat;  dbeta = sum g;
// dx = gamma inv_std (g - dbeta/rows - xhat dgamma/rows);  dz = g (optional; may be the same memory as dy or dy2).
// With dz, the g of every formula is the one that dz holds, rounded to T.
struct BatchNormBackward {
  TensorView dy, dy2, x, mask, mean, inv_std, gamma, dx, dz, dgamma, dbeta;
};

// Like batch norm with one mean and inv_std per (sample, group of C/groups channels), [N,groups]. Wu and He 2018.
struct GroupNormForward {
  TensorView x, gamma, beta, y, mean, inv_std;
  std::int64_t groups = 8;
  float epsilon = 1e-5f;
};
struct GroupNormBackward {
  TensorView dy, x, gamma, mean, inv_std, dx, dgamma, dbeta;
  std::int64_t groups = 8;
};

// ReLU: x, but 0 where x <= 0, so a NaN passes; its gradient from y: dy where y > 0, else dy * y. SiLU: x * sigmoid(x).
enum class Activation : std::uint8_t { kRelu, kSilu };

enum class Pooling : std::uint8_t { kMax, kAverage };  // average: padding counts in the divisor

// x T [N,H,W,C], y T [N,OH,OW,C]; index uint8 like y: the winner's position in its window (max only): the first NaN, or
// else the first of the largest.
struct PoolForward {
  Pooling pooling = Pooling::kMax;
  Window window;
  TensorView x, y, index;
};
struct PoolBackward {
  Pooling pooling = Pooling::kMax;
  Window window;
  TensorView dy, index, dx;
};

// logits [N,classes] float32, labels int32 [N] in 0..classes-1. dlogits (optional) = (softmax - onehot) / N,
// [N,classes]. result float32 [3]: mean loss, count of top-1 hits, count of top-5 hits. A hit at k: fewer than k
// classes score strictly more than the label, or equal with a smaller class number. A row with a NaN or +infinity, or
// of nothing but -infinity, has no softmax: its dlogits and the loss are NaN, and it is never a hit.
struct SoftmaxCrossEntropy {
  TensorView logits, labels, dlogits, result;
};

// g' = g + weight_decay w;  v <- momentum v + g';  w <- w - lr (nesterov ? g' + momentum v : v)   (PyTorch's
// convention). lr float32 [1] lies in device memory, so that a step that was captured once reads the rate of today.
struct SgdUpdate {
  std::span<float> w, v;
  std::span<const float> g;
  TensorView lr;
  float momentum = 0, weight_decay = 0;
  bool nesterov = false;
};

// Where a sample's crop starts in the zero-padded image, and whether it is mirrored.
struct Crop {
  std::int8_t dy = 0, dx = 0;  // 0 .. 2 pad
  std::uint8_t flip = 0;
  std::uint8_t unused = 0;
};

// y[n,h,w,c] = (pixel/255 - mean[c]) / std[c] of the crop at (h + dy - pad, w + dx - pad); outside the image the pixel
// is 0 (padding happens before normalising, so the border is -mean/std). Sample n is images[indices[n]], or images[n]
// without indices. images uint8 [M,H,W,3], indices int32 [N] or none, crops uint8 [N,4] (N times Crop), y T [N,H,W,3].
struct Augment {
  TensorView images, indices, crops, y;
  int pad = 0;
  std::array<float, 3> mean{}, std{};
};

}  // namespace drift
