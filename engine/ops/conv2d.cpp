// Convolution. Backward makes the gradient of the weights first: after it x is not needed, and its memory can become
// dx.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct Conv2dNode final : Node {
  Window window;
  Tensor x;  // [N,H,W,I]
  Value input;
  Value output;  // [N,OH,OW,O]
  TensorView w;  // in the type of x
  const Parameter* weight = nullptr;
  const Parameter* bias = nullptr;

  std::string_view name() const override { return "conv2d"; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    backend.conv2d_backward_weights({.window = window,
                                     .x = x.view(),
                                     .dy = dy.view(),
                                     .dw = weight->gradient(),
                                     .dbias = bias != nullptr ? bias->gradient() : TensorView{}});
    x = {};
    if (!Gradients::wanted(input)) return;
    Tensor dx = gradients.like(input);
    backend.conv2d_backward_data({.window = window, .dy = dy.view(), .w = w, .dx = dx.view()});
    gradients.add(input, std::move(dx));
  }
};

}  // namespace

Tensor conv2d(Tape& tape, const Tensor& x, const Parameter& weight, const Parameter* bias, std::int64_t stride,
              std::int64_t pad) {
  check_image("conv2d", tape, "x", x);
  const Shape& w = weight.shape();
  DRIFT_ASSERT(w.rank() == 4 && w[1] == w[2] && w[3] == x.shape().channels(),
               "conv2d: {} must be [O,k,k,{}] for x {}, got {}", weight.name(), x.shape().channels(), to_string(x),
               to_string(w));
  if (bias != nullptr) check_parameter("conv2d", *bias, {w[0]}, x);
  const Window window{.size = w[1], .stride = stride, .pad = pad};
  DRIFT_ASSERT(stride >= 1 && pad >= 0 && pad < window.size && x.shape()[1] + 2 * pad >= window.size &&
                   x.shape()[2] + 2 * pad >= window.size,
               "conv2d: a {}x{} window with stride {} and padding {} does not fit x {}", window.size, window.size,
               stride, pad, to_string(x));

  const Span span(tape.backend(), weight.layer());
  const Shape shape{x.shape()[0], window.output_extent(x.shape()[1]), window.output_extent(x.shape()[2]), w[0]};
  Tensor y = tape.output(shape, x.dtype());
  const TensorView w_view = tape.weight(weight);
  tape.backend().conv2d_forward({.window = window,
                                 .x = x.view(),
                                 .w = w_view,
                                 .bias = bias != nullptr ? bias->value() : TensorView{},
                                 .y = y.view()});
  if (tape.records()) {
    auto node = std::make_unique<Conv2dNode>();
    node->window = window;
    node->x = x;
    node->input = x.value();
    node->output = y.value();
    node->w = w_view;
    node->weight = &weight;
    node->bias = bias;
    tape.push(std::move(node), weight.layer());
  }
  return y;
}

}  // namespace drift
