// Max and average pooling. Max keeps each window's winner in one byte, which is why a window has at most 16 x 16
// pixels.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

constexpr std::int64_t kMaxWindow = 16;

struct PoolNode final : Node {
  Pooling pooling = Pooling::kMax;
  Window window;
  Tensor index;  // uint8 like y; max only
  Value input;   // [N,H,W,C]
  Value output;  // [N,OH,OW,C]

  std::string_view name() const override { return pooling == Pooling::kMax ? "max_pool" : "average_pool"; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    if (!Gradients::wanted(input)) return;
    Tensor dx = gradients.like(input);
    backend.pool_backward(
        {.pooling = pooling, .window = window, .dy = dy.view(), .index = index.view(), .dx = dx.view()});
    gradients.add(input, std::move(dx));
  }
};

}  // namespace

Tensor pool(Tape& tape, const Tensor& x, Pooling pooling, Window window, std::string_view layer) {
  check_image("pool", tape, "x", x);
  const Shape& in = x.shape();
  DRIFT_ASSERT(window.size >= 1 && window.size <= kMaxWindow && window.stride >= 1 && window.pad >= 0 &&
                   window.pad < window.size && in[1] + 2 * window.pad >= window.size &&
                   in[2] + 2 * window.pad >= window.size,
               "pool: a {}x{} window (at most {}) with stride {} and padding {} does not fit x {}", window.size,
               window.size, kMaxWindow, window.stride, window.pad, to_string(x));
  const Span span(tape.backend(), layer);
  Tensor y = tape.output({in[0], window.output_extent(in[1]), window.output_extent(in[2]), in[3]}, x.dtype());
  Tensor index;
  if (pooling == Pooling::kMax) index = tape.scratch(y.shape(), DType::kUint8);
  tape.backend().pool_forward(
      {.pooling = pooling, .window = window, .x = x.view(), .y = y.view(), .index = index.view()});
  if (tape.records()) {
    auto node = std::make_unique<PoolNode>();
    node->pooling = pooling;
    node->window = window;
    node->index = std::move(index);
    node->input = x.value();
    node->output = y.value();
    tape.push(std::move(node), layer);
  }
  return y;
}

}  // namespace drift
