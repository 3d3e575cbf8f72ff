// ReLU and SiLU. ReLU keeps y, which the next op keeps anyway; SiLU is not invertible, so it keeps x.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct ActivationNode final : Node {
  Activation kind = Activation::kRelu;
  Tensor saved;  // y for ReLU, x for SiLU
  Value input;
  Value output;

  std::string_view name() const override { return kind == Activation::kRelu ? "relu" : "silu"; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    if (!Gradients::wanted(input)) return;
    Tensor dx = gradients.like(input);
    backend.activation_backward(kind, saved.view(), dy.view(), dx.view());
    gradients.add(input, std::move(dx));
  }
};

}  // namespace

Tensor activation(Tape& tape, const Tensor& x, Activation kind, std::string_view layer) {
  DRIFT_ASSERT(x && x.dtype() == tape.activation(), "activation: x must be {}, got {}", name_of(tape.activation()),
               to_string(x));
  const Span span(tape.backend(), layer);
  Tensor y = tape.output(x.shape(), x.dtype());
  tape.backend().activation_forward(kind, x.view(), y.view());
  if (tape.records()) {
    auto node = std::make_unique<ActivationNode>();
    node->kind = kind;
    node->saved = kind == Activation::kRelu ? y : x;
    node->input = x.value();
    node->output = y.value();
    tape.push(std::move(node), layer);
  }
  return y;
}

}  // namespace drift
