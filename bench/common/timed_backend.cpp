#include "bench/common/timed_backend.h"

namespace drift::bench {
namespace {

template <class... Views>
double bytes_of(const Views&... views) {
  return (static_cast<double>(views ? views.bytes() : 0) + ...);
}

// Multiply-adds times two, for y = conv(x, w) and for both of its gradients alike.
double conv_flops(const TensorView& w, const TensorView& y) {
  return 2.0 * static_cast<double>(y.elements()) * static_cast<double>(w.elements() / w.shape[0]);
}

double linear_flops(const TensorView& x, const TensorView& w) {
  return 2.0 * static_cast<double>(x.shape[0]) * static_cast<double>(w.elements());
}

}  // namespace

void TimedBackend::copy(const TensorView& from, const TensorView& to) {
  timed("copy", bytes_of(from, to), 0, [&] { backend_.copy(from, to); });
}
void TimedBackend::upload(const void* host, const TensorView& to) {
  timed("copy", 2 * bytes_of(to), 0, [&] { backend_.upload(host, to); });
}
void TimedBackend::download(const TensorView& from, void* host) {
  timed("copy", 2 * bytes_of(from), 0, [&] { backend_.download(from, host); });
}
void TimedBackend::download_async(const TensorView& from, const HostMemory& to) {
  timed("copy", 2 * bytes_of(from), 0, [&] { backend_.download_async(from, to); });
}
void TimedBackend::fill(const TensorView& y, float value) {
  timed("fill", bytes_of(y), 0, [&] { backend_.fill(y, value); });
}
void TimedBackend::cast(const TensorView& x, const TensorView& y) {
  timed("cast", bytes_of(x, y), 0, [&] { backend_.cast(x, y); });
}
void TimedBackend::conv2d_forward(const Conv2dForward& args) {
  conv_calls_.push_back(
      {ConvCall::Direction::kForward, args.window, args.x.shape, args.w.shape, args.y.shape, args.x.dtype});
  timed("conv forward", bytes_of(args.x, args.w, args.y), conv_flops(args.w, args.y),
        [&] { backend_.conv2d_forward(args); });
}
void TimedBackend::conv2d_backward_data(const Conv2dBackwardData& args) {
  conv_calls_.push_back(
      {ConvCall::Direction::kBackwardData, args.window, args.dx.shape, args.w.shape, args.dy.shape, args.dx.dtype});
  timed("conv backward data", bytes_of(args.dx, args.w, args.dy), conv_flops(args.w, args.dy),
        [&] { backend_.conv2d_backward_data(args); });
}
void TimedBackend::conv2d_backward_weights(const Conv2dBackwardWeights& args) {
  conv_calls_.push_back(
      {ConvCall::Direction::kBackwardWeights, args.window, args.x.shape, args.dw.shape, args.dy.shape, args.x.dtype});
  timed("conv backward weights", bytes_of(args.x, args.dw, args.dy), conv_flops(args.dw, args.dy),
        [&] { backend_.conv2d_backward_weights(args); });
}
void TimedBackend::linear_forward(const LinearForward& args) {
  timed("linear", bytes_of(args.x, args.w, args.y), linear_flops(args.x, args.w),
        [&] { backend_.linear_forward(args); });
}
void TimedBackend::linear_backward(const LinearBackward& args) {
  timed("linear", bytes_of(args.x, args.w, args.dy, args.dx, args.dw), 2 * linear_flops(args.x, args.w),
        [&] { backend_.linear_backward(args); });
}
void TimedBackend::batch_norm_forward(const BatchNormForward& args) {
  timed("batch norm forward", bytes_of(args.x, args.x, args.z, args.y, args.mask), 0,
        [&] { backend_.batch_norm_forward(args); });
}
void TimedBackend::batch_norm_inference(const BatchNormInference& args) {
  timed("batch norm forward", bytes_of(args.x, args.z, args.y), 0, [&] { backend_.batch_norm_inference(args); });
}
void TimedBackend::batch_norm_backward(const BatchNormBackward& args) {
  // With dz the second pass reads dz; without, it reads dy, dy2 and the mask again.
  const double first = bytes_of(args.dy, args.dy2, args.mask, args.x, args.dz);
  const double second =
      bytes_of(args.x, args.dx) + (args.dz ? bytes_of(args.dz) : bytes_of(args.dy, args.dy2, args.mask));
  timed("batch norm backward", first + second, 0, [&] { backend_.batch_norm_backward(args); });
}
void TimedBackend::group_norm_forward(const GroupNormForward& args) {
  timed("group norm", bytes_of(args.x, args.x, args.y), 0, [&] { backend_.group_norm_forward(args); });
}
void TimedBackend::group_norm_backward(const GroupNormBackward& args) {
  timed("group norm", 2 * bytes_of(args.x, args.dy) + bytes_of(args.dx), 0,
        [&] { backend_.group_norm_backward(args); });
}
void TimedBackend::activation_forward(Activation kind, const TensorView& x, const TensorView& y) {
  timed("activation", bytes_of(x, y), 0, [&] { backend_.activation_forward(kind, x, y); });
}
void TimedBackend::activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                                       const TensorView& dx) {
  timed("activation", bytes_of(saved, dy, dx), 0, [&] { backend_.activation_backward(kind, saved, dy, dx); });
}
void TimedBackend::add(const TensorView& a, const TensorView& b, const TensorView& y) {
  timed("add", bytes_of(a, b, y), 0, [&] { backend_.add(a, b, y); });
}
void TimedBackend::shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) {
  timed("shortcut", bytes_of(y) * 1.5, 0, [&] { backend_.shortcut_forward(stride, x, y); });
}
void TimedBackend::shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) {
  timed("shortcut", bytes_of(dy) * 0.5 + bytes_of(dx), 0, [&] { backend_.shortcut_backward(stride, dy, dx); });
}
void TimedBackend::pool_forward(const PoolForward& args) {
  timed("pool", bytes_of(args.x, args.y, args.index), 0, [&] { backend_.pool_forward(args); });
}
void TimedBackend::pool_backward(const PoolBackward& args) {
  timed("pool", bytes_of(args.dy, args.index, args.dx), 0, [&] { backend_.pool_backward(args); });
}
void TimedBackend::global_average_pool_forward(const TensorView& x, const TensorView& y) {
  timed("pool", bytes_of(x, y), 0, [&] { backend_.global_average_pool_forward(x, y); });
}
void TimedBackend::global_average_pool_backward(const TensorView& dy, const TensorView& dx) {
  timed("pool", bytes_of(dy, dx), 0, [&] { backend_.global_average_pool_backward(dy, dx); });
}
void TimedBackend::softmax_cross_entropy(const SoftmaxCrossEntropy& args) {
  timed("loss", bytes_of(args.logits, args.dlogits), 0, [&] { backend_.softmax_cross_entropy(args); });
}
void TimedBackend::sgd_update(const SgdUpdate& args) {
  timed("sgd update", 5.0 * static_cast<double>(args.w.size_bytes()), 0, [&] { backend_.sgd_update(args); });
}
void TimedBackend::average(std::span<float* const> replicas, std::int64_t n) {
  timed("average", 8.0 * static_cast<double>(replicas.size()) * static_cast<double>(n), 0,
        [&] { backend_.average(replicas, n); });
}
void TimedBackend::augment(const Augment& args) {
  timed("augment", bytes_of(args.images, args.y), 0, [&] { backend_.augment(args); });
}

}  // namespace drift::bench
