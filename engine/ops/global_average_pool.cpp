// The mean over all pixels of each channel. Backward needs shapes alone.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct GlobalAveragePoolNode final : Node {
  Value input;   // [N,H,W,C]
  Value output;  // [N,C]

  std::string_view name() const override { return "global_average_pool"; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    if (!Gradients::wanted(input)) return;
    Tensor dx = gradients.like(input);
    backend.global_average_pool_backward(dy.view(), dx.view());
    gradients.add(input, std::move(dx));
  }
};

}  // namespace

Tensor global_average_pool(Tape& tape, const Tensor& x, std::string_view layer) {
  check_image("global_average_pool", tape, "x", x);
  const Span span(tape.backend(), layer);
  Tensor y = tape.output({x.shape()[0], x.shape().channels()}, x.dtype());
  tape.backend().global_average_pool_forward(x.view(), y.view());
  if (tape.records()) {
    auto node = std::make_unique<GlobalAveragePoolNode>();
    node->input = x.value();
    node->output = y.value();
    tape.push(std::move(node), layer);
  }
  return y;
}

}  // namespace drift
