// Op: an operation with its arguments, a value of one struct per operation. Each struct is the contract of its
// operation (shapes, formula, source) and carries its name. All tensors are dense; images are [N,H,W,C], "rows" are
// N*H*W. T stands for the activation type, float32 or bfloat16; all T tensors of one operation have the same type.
// Everything else (biases, statistics, gradients of parameters) is float32 unless said. Outputs are overwritten. NaN
// in, NaN out: what a formula makes of a NaN is a NaN, and where a formula chooses, the choice is stated here
// (docs/numerics.md).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "kernels/tensor_view.h"

namespace drift {

class HostMemory;

// Memory. Views are of equal size; Upload and Download cross between host memory and the device. The caller may change
// `host` when an upload returns; the device has it after the stream's earlier work.
struct Copy {
  static constexpr std::string_view kName = "copy";
  TensorView from, to;
};
struct Upload {
  static constexpr std::string_view kName = "upload";
  const void* host = nullptr;
  TensorView to;
};
// Returns when done.
struct Download {
  static constexpr std::string_view kName = "download";
  TensorView from;
  void* host = nullptr;
};
// Enqueued; an Event says when it is done.
struct DownloadAsync {
  static constexpr std::string_view kName = "download_async";
  TensorView from;
  const HostMemory* to = nullptr;
};
// y = value; y float32 or bfloat16.
struct Fill {
  static constexpr std::string_view kName = "fill";
  TensorView y;
  float value = 0;
};
// y = x between float32 and bfloat16, rounded to nearest even.
struct Cast {
  static constexpr std::string_view kName = "cast";
  TensorView x, y;
};

// Square windows: output extent = floor((extent + 2 pad - window) / stride) + 1.
struct Window {
  std::int64_t size = 3;
  std::int64_t stride = 1;
  std::int64_t pad = 0;

  std::int64_t output_extent(std::int64_t extent) const { return (extent + 2 * pad - size) / stride + 1; }
  bool operator==(const Window&) const = default;
};

// Where it is given, a convolution reads relu((x - mean) (gamma inv_std) + beta) for x, not rounded to T, and zeros
// around that: the batch norm and the ReLU in front of it, whose result then needs no memory. [I] each. Only for
// convolutions of which Backend::normalises_input says so.
struct InputNorm {
  TensorView mean, inv_std, gamma, beta;

  explicit operator bool() const { return static_cast<bool>(mean); }
};

// y = conv(x, w) + bias.  x T [N,H,W,I], w T [O,k,k,I], bias [O] or none, y T [N,OH,OW,O].
struct Conv2dForward {
  static constexpr std::string_view kName = "conv2d_forward";
  Window window;
  TensorView x, w, bias, y;
  InputNorm norm = {};
};
// dx T like x, from dy T like y and w T, + addend, T like x, if given, before it is rounded; only for convolutions of
// which Backend::adds_to_gradient says so, and not over dx. With norm, whose x is given again, dx is the gradient in
// front of the ReLU, 0 * NaN being NaN, and dgamma, dbeta [I] are those that BatchNormBackward makes of dx.
struct Conv2dBackwardData {
  static constexpr std::string_view kName = "conv2d_backward_data";
  Window window;
  TensorView dy, w, dx;
  TensorView x = {}, dgamma = {}, dbeta = {};
  InputNorm norm = {};
  TensorView addend = {};
};
// dw [O,k,k,I], dbias [O] or none.
struct Conv2dBackwardWeights {
  static constexpr std::string_view kName = "conv2d_backward_weights";
  Window window;
  TensorView x, dy, dw, dbias;
  InputNorm norm = {};
};

// y = x w^T + bias.  x T [N,I], w T [O,I], bias [O] or none, y [N,O] float32 (it feeds the loss).
struct LinearForward {
  static constexpr std::string_view kName = "linear_forward";
  TensorView x, w, bias, y;
};
// dy [N,O] float32; x T, w T; dx T [N,I] or none, dw [O,I], dbias [O] or none.
struct LinearBackward {
  static constexpr std::string_view kName = "linear_backward";
  TensorView x, dy, w, dx, dw, dbias;
};

// Per channel over rows: y = (x - mean) * inv_std * gamma + beta, then + z if given, then ReLU if `mask` is given.
// x, z, y T [N,H,W,C]; gamma, beta, mean, inv_std [C]; mask uint8 [rows, ceil(C/8)]: bit c%8 of byte c/8 is 1 where the
// ReLU passes (our kernels set it for a NaN, cuDNN does not). inv_std = 1 / sqrt(var + epsilon), var biased.
// running_mean and running_var (unbiased var), if given, move by running <- (1 - momentum) running + momentum batch.
// Without y, the statistics alone. Source: Ioffe and Szegedy 2015, algorithm 1.
struct BatchNormForward {
  static constexpr std::string_view kName = "batch_norm_forward";
  TensorView x, z, gamma, beta, y, mask, mean, inv_std, running_mean, running_var;
  float epsilon = 1e-5f;
  float momentum = 0.1f;
};
// y from stored statistics: y = (x - mean) / sqrt(var + epsilon) * gamma + beta [+ z] [ReLU]. Optional outputs, for a
// backward with frozen statistics: mask (with relu) and inv_std. Without y, inv_std alone.
struct BatchNormInference {
  static constexpr std::string_view kName = "batch_norm_inference";
  TensorView x, z, gamma, beta, mean, var, y, mask, inv_std;
  bool relu = false;
  float epsilon = 1e-5f;
};
// g = (dy + dy2) * mask, 0 * NaN being NaN (dy2, mask optional);  dgamma = sum g xhat;  dbeta = sum g;
// dx = gamma inv_std (g - dbeta/rows - xhat dgamma/rows);  dz = g (optional; may be the same memory as dy or dy2).
// With dz, the g of every formula is the one that dz holds, rounded to T. frozen: mean and inv_std are constants, not
// the batch's own, and dx = gamma inv_std g. summed: dgamma and dbeta are there already, from Conv2dBackwardData, whose
// dx is dy; dx may be the same memory.
struct BatchNormBackward {
  static constexpr std::string_view kName = "batch_norm_backward";
  TensorView dy, dy2, x, mask, mean, inv_std, gamma, dx, dz, dgamma, dbeta;
  bool frozen = false;
  bool summed = false;
};

// Like batch norm with one mean and inv_std per (sample, group of C/groups channels), [N,groups]. Wu and He 2018.
struct GroupNormForward {
  static constexpr std::string_view kName = "group_norm_forward";
  TensorView x, gamma, beta, y, mean, inv_std;
  std::int64_t groups = 8;
  float epsilon = 1e-5f;
};
struct GroupNormBackward {
  static constexpr std::string_view kName = "group_norm_backward";
  TensorView dy, x, gamma, mean, inv_std, dx, dgamma, dbeta;
  std::int64_t groups = 8;
};

// ReLU: x, but 0 where x <= 0, so a NaN passes; its gradient from y: dy where y > 0, else dy * y. SiLU: x * sigmoid(x).
enum class Activation : std::uint8_t { kRelu, kSilu };

// x, y T of one shape.
struct ActivationForward {
  static constexpr std::string_view kName = "activation_forward";
  Activation kind = Activation::kRelu;
  TensorView x, y;
};
// saved: y of the forward for ReLU, x for SiLU.
struct ActivationBackward {
  static constexpr std::string_view kName = "activation_backward";
  Activation kind = Activation::kRelu;
  TensorView saved, dy, dx;
};

// y = a + b, T of one shape; y may be a or b.
struct Add {
  static constexpr std::string_view kName = "add";
  TensorView a, b, y;
};

// Option-A shortcut (He et al. 2016): y[n,i,j,(O-I)/2 + c] = x[n, s i, s j, c], zero elsewhere. x T [N,H,W,I],
// y T [N,ceil(H/s),ceil(W/s),O].
struct ShortcutForward {
  static constexpr std::string_view kName = "shortcut_forward";
  std::int64_t stride = 1;
  TensorView x, y;
};
struct ShortcutBackward {
  static constexpr std::string_view kName = "shortcut_backward";
  std::int64_t stride = 1;
  TensorView dy, dx;
};

enum class Pooling : std::uint8_t { kMax, kAverage };  // average: padding counts in the divisor

// x T [N,H,W,C], y T [N,OH,OW,C]; index uint8 like y: the winner's position in its window (max only): the first NaN, or
// else the first of the largest.
struct PoolForward {
  static constexpr std::string_view kName = "pool_forward";
  Pooling pooling = Pooling::kMax;
  Window window;
  TensorView x, y, index;
};
struct PoolBackward {
  static constexpr std::string_view kName = "pool_backward";
  Pooling pooling = Pooling::kMax;
  Window window;
  TensorView dy, index, dx;
};

// The mean over all pixels: x T [N,H,W,C] -> y T [N,C].
struct GlobalAveragePoolForward {
  static constexpr std::string_view kName = "global_average_pool_forward";
  TensorView x, y;
};
struct GlobalAveragePoolBackward {
  static constexpr std::string_view kName = "global_average_pool_backward";
  TensorView dy, dx;
};

// logits [N,classes] float32, labels int32 [N] in 0..classes-1. The loss of a row is -sum target log softmax with
// target = (1 - label_smoothing) onehot + label_smoothing / classes (PyTorch's convention), dlogits (optional) =
// (softmax - target) / N, [N,classes]. result float32 [3]: mean loss, count of top-1 hits, count of top-5 hits. A hit
// at k: fewer than k classes score strictly more than the label, or equal with a smaller class number. A row with a NaN
// or +infinity, or of nothing but -infinity, has no softmax: its dlogits and the loss are NaN, and it is never a hit.
struct SoftmaxCrossEntropy {
  static constexpr std::string_view kName = "softmax_cross_entropy";
  TensorView logits, labels, dlogits, result;
  float label_smoothing = 0;  // in [0, 1]
};

// result float32 [1] = min(1, max_norm / (norm + 10^-6)), norm the Euclidean norm of the values: times it, their norm
// is at most max_norm (PyTorch's clip_grad_norm_). NaN where the sum of the squares in float32 is not finite, also
// where it overflows: a run that diverges must not go on with what clipping makes of infinity, 0.
struct ClipScale {
  static constexpr std::string_view kName = "clip_scale";
  std::span<const float> values;
  TensorView result;
  double max_norm = 0;
};

// g' = scale g + weight_decay w;  v <- momentum v + g';  w <- w - lr (nesterov ? g' + momentum v : v)   (PyTorch's
// convention). lr and scale, float32 [1], lie in device memory, so that a step that was captured once reads those of
// today; no scale is 1.
struct SgdUpdate {
  static constexpr std::string_view kName = "sgd_update";
  std::span<float> w, v;
  std::span<const float> g;
  TensorView lr, scale;
  float momentum = 0, weight_decay = 0;
  bool nesterov = false;
};

// The outer optimizer's step at the end of a round: w is the mean of the workers, `start` what they all started from.
//   d = w - start;  v <- momentum v + d;  w <- start + lr (nesterov ? d + momentum v : v)
// lr 1 and momentum 0 leave w as it is, bit for bit.
struct OuterUpdate {
  static constexpr std::string_view kName = "outer_update";
  std::span<float> w, v;
  std::span<const float> start;
  float lr = 1, momentum = 0;
  bool nesterov = false;
};

// What is left of values that travel as bfloat16, with what earlier roundings of them left out (Seide et al. 2014,
// 1-bit SGD, section 2; Karimireddy et al. 2019, arXiv 1901.09847, algorithm 2):
//   d = x - start + error;   x <- d rounded to bfloat16;   error <- d - x
// start, error: of the length of x, or none: zeros, and the error is lost.
struct Compress {
  static constexpr std::string_view kName = "compress";
  std::span<float> x;
  std::span<const float> start;
  std::span<float> error;
};

// Element by element the mean of K values: summed in a fixed balanced tree over k (pairs at distance 1, 2, 4, ...),
// times 1/K, written to every target. Pointers to n floats each; a target may be a source, else they do not overlap.
// divisor: K where the sources are sums of several values each; 1 for the sum itself; 0: the number of sources. The sum
// of K sources is that of the sums of aligned groups of 2^m of them, bit for bit. rounded: to which type each source,
// each sum and the result is rounded, float32 or bfloat16; they are float32 in memory.
struct Average {
  static constexpr std::string_view kName = "average";
  static constexpr int kSourcesMaxOnGpu = 127;  // their addresses travel as an argument of the kernel
  std::span<const float* const> sources;
  std::span<float* const> targets;
  std::int64_t n = 0;
  std::int64_t divisor = 0;
  DType rounded = DType::kFloat32;

  float scale() const { return 1.0f / static_cast<float>(divisor > 0 ? divisor : std::ssize(sources)); }
};

// result [1] = how many of the values are NaN or infinite; exact up to 2^24.
struct CountNonFinite {
  static constexpr std::string_view kName = "count_non_finite";
  std::span<const float> values;
  TensorView result;
};

// result [1] = sum (a - b)^2, in float32 partial sums; a and b of one length, or no b: zeros.
struct SquaredDistance {
  static constexpr std::string_view kName = "squared_distance";
  std::span<const float> a, b;
  TensorView result;
};

// y[n,h,w,c] = (pixel/255 - mean[c]) / std[c] of the crop at (h + dy - pad, w + dx - pad); outside the image the pixel
// is 0 (padding happens before normalising, so the border is -mean/std). Sample n is images[indices[n]], or images[n]
// without indices. images uint8 [M,H,W,3], indices int32 [N] or none, crops uint8 [N,4] (N times Crop) or none (images
// as they are), y T [N,H,W,3].
struct Augment {
  static constexpr std::string_view kName = "augment";
  TensorView images, indices, crops, y;
  int pad = 0;
  std::array<float, 3> mean{}, std{};
};

// y[i] = the time when the device comes to it, in nanoseconds since some moment in the past; the same in all, and never
// before a stamp that it came to earlier. y int64 [n], a few.
struct Stamp {
  static constexpr std::string_view kName = "stamp";
  TensorView y;
};

using Op = std::variant<Copy, Upload, Download, DownloadAsync, Fill, Cast, Conv2dForward, Conv2dBackwardData,
                        Conv2dBackwardWeights, LinearForward, LinearBackward, BatchNormForward, BatchNormInference,
                        BatchNormBackward, GroupNormForward, GroupNormBackward, ActivationForward, ActivationBackward,
                        Add, ShortcutForward, ShortcutBackward, PoolForward, PoolBackward, GlobalAveragePoolForward,
                        GlobalAveragePoolBackward, SoftmaxCrossEntropy, ClipScale, SgdUpdate, OuterUpdate, Compress,
                        Average, CountNonFinite, SquaredDistance, Augment, Stamp>;

// "conv2d_forward"; lives as long as the program.
std::string_view name_of(const Op& op);

}  // namespace drift
