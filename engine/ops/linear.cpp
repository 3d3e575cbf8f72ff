// The fully connected layer. Its result is float32 in every precision, because it feeds the loss.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct LinearNode final : Node {
  Tensor x;      // [N,I]
  Value output;  // [N,O], float32
  TensorView w;  // in the type of x
  const Parameter* weight = nullptr;
  const Parameter* bias = nullptr;

  std::string_view name() const override { return "linear"; }
  std::array<const Parameter*, 2> parameters() const override { return {weight, bias}; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    Tensor dx;
    if (Gradients::wanted(x.value())) dx = gradients.like(x.value());
    backend.linear_backward(
        {.x = x.view(), .dy = dy.view(), .w = w, .dx = dx.view(), .dw = weight->gradient(), .dbias = bias->gradient()});
    gradients.add(x.value(), std::move(dx));
  }
};

}  // namespace

Tensor linear(Tape& tape, const Tensor& x, const Parameter& weight, const Parameter& bias) {
  DRIFT_ASSERT(x && x.shape().rank() == 2 && x.dtype() == tape.activation(), "linear: x must be {} [N,I], got {}",
               name_of(tape.activation()), to_string(x));
  const Shape& w = weight.shape();
  DRIFT_ASSERT(w.rank() == 2 && w[1] == x.shape()[1], "linear: {} must be [O,{}] for x {}, got {}", weight.name(),
               x.shape()[1], to_string(x), to_string(w));
  check_parameter("linear", bias, {w[0]}, x);

  const Span span(tape.backend(), weight.layer());
  Tensor y = tape.output({x.shape()[0], w[0]}, DType::kFloat32);
  const TensorView w_view = tape.weight(weight);
  tape.backend().linear_forward({.x = x.view(), .w = w_view, .bias = bias.value(), .y = y.view()});
  if (tape.records()) {
    auto node = std::make_unique<LinearNode>();
    node->x = x;
    node->output = y.value();
    node->w = w_view;
    node->weight = &weight;
    node->bias = &bias;
    tape.push(std::move(node), weight.layer());
  }
  return y;
}

}  // namespace drift
