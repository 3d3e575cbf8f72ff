// Addition. Backward computes nothing: both sides receive the same tensor.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct AddNode final : Node {
  Value a, b;
  Value output;

  std::string_view name() const override { return "add"; }

  void backward(Backend&, Gradients& gradients) override {
    Tensor dy = gradients.take(output);
    gradients.add(a, dy);
    gradients.add(b, std::move(dy));
  }
};

}  // namespace

Tensor add(Tape& tape, const Tensor& a, const Tensor& b, std::string_view layer) {
  DRIFT_ASSERT(a && b && a.shape() == b.shape() && a.dtype() == tape.activation() && b.dtype() == tape.activation(),
               "add: both sides must be {} of one shape, got {} and {}", name_of(tape.activation()), to_string(a),
               to_string(b));
  const Span span(tape.backend(), layer);
  Tensor y = tape.output(a.shape(), a.dtype());
  tape.backend().add(a.view(), b.view(), y.view());
  if (tape.records()) {
    auto node = std::make_unique<AddNode>();
    node->a = a.value();
    node->b = b.value();
    node->output = y.value();
    tape.push(std::move(node), layer);
  }
  return y;
}

}  // namespace drift
