// The parameter-free shortcut between stages (option A). Backward needs shapes alone.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct ShortcutNode final : Node {
  std::int64_t stride = 1;
  Value input;   // [N,H,W,I]
  Value output;  // [N,ceil(H/stride),ceil(W/stride),O]

  std::string_view name() const override { return "shortcut"; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    if (!Gradients::wanted(input)) return;
    Tensor dx = gradients.like(input);
    backend.shortcut_backward(stride, dy.view(), dx.view());
    gradients.add(input, std::move(dx));
  }
};

}  // namespace

Tensor shortcut(Tape& tape, const Tensor& x, std::int64_t stride, std::int64_t channels, std::string_view layer) {
  check_image("shortcut", tape, "x", x);
  const Shape& in = x.shape();
  DRIFT_ASSERT(stride >= 1 && channels >= in.channels() && (channels - in.channels()) % 2 == 0,
               "shortcut: cannot take x {} to {} channels with stride {}: it pads equally on both sides", to_string(x),
               channels, stride);
  const Span span(tape.backend(), layer);
  Tensor y = tape.output({in[0], (in[1] + stride - 1) / stride, (in[2] + stride - 1) / stride, channels}, x.dtype());
  tape.backend().shortcut_forward(stride, x.view(), y.view());
  if (tape.records()) {
    auto node = std::make_unique<ShortcutNode>();
    node->stride = stride;
    node->input = x.value();
    node->output = y.value();
    tape.push(std::move(node), layer);
  }
  return y;
}

}  // namespace drift
