// See cost.h. An overload for each operation: one that is missing does not compile.
#include "kernels/cost.h"

#include <algorithm>

namespace drift {
namespace {

// Of views that are given.
template <class... Views>
std::int64_t bytes_of(const Views&... views) {
  return (std::int64_t{0} + ... + (views ? static_cast<std::int64_t>(views.bytes()) : 0));
}

// How many of `extent` positions lie in a window: with a stride larger than the window, some lie in none.
std::int64_t covered(const Window& window, std::int64_t extent) {
  std::int64_t count = 0, next = 0;
  for (std::int64_t out = 0; out < window.output_extent(extent); ++out) {
    const std::int64_t begin = out * window.stride - window.pad, end = std::min(begin + window.size, extent);
    count += std::max<std::int64_t>(0, end - std::max(begin, next));
    next = std::max(end, next);
  }
  return count;
}

// Of the pixels of x [N,H,W,C] that windows over it read.
std::int64_t bytes_in_windows(const Window& window, const TensorView& x) {
  const std::int64_t pixels = x.shape[0] * covered(window, x.shape[1]) * covered(window, x.shape[2]);
  return pixels * x.shape[3] * static_cast<std::int64_t>(size_of(x.dtype));
}

// w [O,k,k,I]; y or its gradient. The same for a convolution and for both of its gradients.
std::int64_t convolution_multiply_adds(const Shape& w, const Shape& y) {
  return y.elements() * w[1] * w[2] * w[3];
}

OpCost cost(const Copy& op) {
  return {bytes_of(op.from, op.to)};
}
// Read on one side, written on the other.
OpCost cost(const Upload& op) {
  return {2 * bytes_of(op.to)};
}
OpCost cost(const Download& op) {
  return {2 * bytes_of(op.from)};
}
OpCost cost(const DownloadAsync& op) {
  return {2 * bytes_of(op.from)};
}
OpCost cost(const Fill& op) {
  return {bytes_of(op.y)};
}
OpCost cost(const Cast& op) {
  return {bytes_of(op.x, op.y)};
}

OpCost cost(const Conv2dForward& op) {
  return {bytes_in_windows(op.window, op.x) + bytes_of(op.w, op.y), convolution_multiply_adds(op.w.shape, op.y.shape)};
}
OpCost cost(const Conv2dBackwardData& op) {
  return {bytes_of(op.dy, op.w, op.dx, op.x, op.addend), convolution_multiply_adds(op.w.shape, op.dy.shape)};
}
OpCost cost(const Conv2dBackwardWeights& op) {
  return {bytes_in_windows(op.window, op.x) + bytes_of(op.dy, op.dw),
          convolution_multiply_adds(op.dw.shape, op.dy.shape)};
}

OpCost cost(const LinearForward& op) {
  return {bytes_of(op.x, op.w, op.y), op.x.shape[0] * op.w.elements()};
}
OpCost cost(const LinearBackward& op) {
  const std::int64_t product = op.x.shape[0] * op.dw.elements();
  const OpCost dw{bytes_of(op.x, op.dy, op.dw), product};
  return op.dx ? OpCost{dw.bytes + bytes_of(op.w, op.dx), 2 * product} : dw;
}

OpCost cost(const BatchNormForward& op) {
  return {bytes_of(op.x) + (op.y ? bytes_of(op.x, op.z, op.y, op.mask) : 0)};
}
OpCost cost(const BatchNormInference& op) {
  return {op.y ? bytes_of(op.x, op.z, op.y, op.mask) : 0};
}
OpCost cost(const BatchNormBackward& op) {
  // The sums, then dx; with dz, which the first pass wrote, the second need not put the gradient together again.
  const std::int64_t gradient = bytes_of(op.dy, op.dy2, op.mask);
  const std::int64_t sums = op.summed ? 0 : gradient + bytes_of(op.x, op.dz);
  const std::int64_t centred = op.frozen ? 0 : bytes_of(op.x);
  return {sums + (op.dz ? bytes_of(op.dz) : gradient) + centred + bytes_of(op.dx)};
}
OpCost cost(const GroupNormForward& op) {
  return {bytes_of(op.x) + bytes_of(op.x, op.y)};
}
OpCost cost(const GroupNormBackward& op) {
  return {2 * bytes_of(op.x, op.dy) + bytes_of(op.dx)};
}

OpCost cost(const ActivationForward& op) {
  return {bytes_of(op.x, op.y)};
}
OpCost cost(const ActivationBackward& op) {
  return {bytes_of(op.saved, op.dy, op.dx)};
}
OpCost cost(const Add& op) {
  return {bytes_of(op.a, op.b, op.y)};
}

// The pixels of the larger image that the smaller one has, without the channels that are padding.
std::int64_t shortcut_bytes(const TensorView& large, const TensorView& small) {
  return small.shape.rows() * large.shape.channels() * static_cast<std::int64_t>(size_of(large.dtype));
}
OpCost cost(const ShortcutForward& op) {
  return {shortcut_bytes(op.x, op.y) + bytes_of(op.y)};
}
OpCost cost(const ShortcutBackward& op) {
  return {shortcut_bytes(op.dx, op.dy) + bytes_of(op.dx)};
}

OpCost cost(const PoolForward& op) {
  return {bytes_in_windows(op.window, op.x) + bytes_of(op.y, op.index)};
}
OpCost cost(const PoolBackward& op) {
  return {bytes_of(op.dy, op.index, op.dx)};
}
OpCost cost(const GlobalAveragePoolForward& op) {
  return {bytes_of(op.x, op.y)};
}
OpCost cost(const GlobalAveragePoolBackward& op) {
  return {bytes_of(op.dy, op.dx)};
}

OpCost cost(const SoftmaxCrossEntropy& op) {
  return {bytes_of(op.logits, op.dlogits)};
}
OpCost cost(const ClipScale& op) {
  return {static_cast<std::int64_t>(op.values.size_bytes())};
}
// Reads w, v and g, writes w and v.
OpCost cost(const SgdUpdate& op) {
  return {5 * static_cast<std::int64_t>(op.w.size_bytes())};
}
OpCost cost(const OuterUpdate& op) {
  return {5 * static_cast<std::int64_t>(op.w.size_bytes())};
}
// Reads all of them, writes x and the error.
OpCost cost(const Compress& op) {
  return {static_cast<std::int64_t>(2 * op.x.size_bytes() + op.start.size_bytes() + 2 * op.error.size_bytes())};
}
// Reads each source and writes each target.
OpCost cost(const Average& op) {
  return {static_cast<std::int64_t>((op.sources.size() + op.targets.size()) * sizeof(float)) * op.n};
}
OpCost cost(const CountNonFinite& op) {
  return {static_cast<std::int64_t>(op.values.size_bytes())};
}
OpCost cost(const SquaredDistance& op) {
  return {static_cast<std::int64_t>(op.a.size_bytes() + op.b.size_bytes())};
}
// A pixel of one byte for each element of y, out of however many images there are.
OpCost cost(const Augment& op) {
  return {op.y.elements() + bytes_of(op.y)};
}
OpCost cost(const Stamp& op) {
  return {bytes_of(op.y)};
}

}  // namespace

OpCost cost_of(const Op& op) {
  return std::visit([](const auto& args) { return cost(args); }, op);
}

}  // namespace drift
