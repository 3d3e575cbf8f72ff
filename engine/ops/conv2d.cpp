// Convolution, also of what a batch norm and a ReLU make of x while it is read. Backward makes the gradient of the
// weights first: after it x is not needed, and its memory can become dx. Where the backend gains by it, dx comes out
// with the gradient of x that came before, that of a block's shortcut, added.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/norm_on_reading.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct Conv2dNode final : Node {
  Window window;
  Tensor x;        // [N,H,W,I]
  InputNorm norm;  // in memory of the batch norm's node, which runs backward after this one
  Value input;
  Value output;  // [N,OH,OW,O]
  TensorView w;  // in the type of x
  const Parameter* weight = nullptr;
  const Parameter* bias = nullptr;
  const BatchNormState* batch_norm = nullptr;  // what `norm` is of

  std::string_view name() const override { return "conv2d"; }
  std::array<const Parameter*, 2> parameters() const override { return {weight, bias}; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    backend.conv2d_backward_weights({.window = window,
                                     .x = x.view(),
                                     .dy = dy.view(),
                                     .dw = weight->gradient(),
                                     .dbias = bias != nullptr ? bias->gradient() : TensorView{},
                                     .norm = norm});
    if (!norm) x = {};
    if (!Gradients::wanted(input)) return;
    Tensor dx = gradients.like(input);
    Conv2dBackwardData data{.window = window, .dy = dy.view(), .w = w, .dx = dx.view()};
    if (norm) {
      data.x = x.view();
      data.norm = norm;
      data.dgamma = batch_norm->gamma.gradient();
      data.dbeta = batch_norm->beta.gradient();
    }
    Tensor other;
    if (backend.adds_to_gradient(data)) other = gradients.take_early(input);
    data.addend = other.view();
    backend.conv2d_backward_data(data);
    gradients.add(input, std::move(dx));
  }
};

// Arguments that are checked; of memory, only that of x is there.
Conv2dForward arguments_of(const Tape& tape, const Tensor& x, const Parameter& weight, const Parameter* bias,
                           std::int64_t stride, std::int64_t pad) {
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
  const Shape y{x.shape()[0], window.output_extent(x.shape()[1]), window.output_extent(x.shape()[2]), w[0]};
  return {.window = window, .x = x.view(), .w = {nullptr, w, x.dtype()}, .bias = {}, .y = {nullptr, y, x.dtype()}};
}

// input: the place in backward of what the convolution reads, which x is or is made into.
Tensor convolve(Tape& tape, Conv2dForward args, const Tensor& x, const Value& input, const Parameter& weight,
                const Parameter* bias, const BatchNormState* batch_norm) {
  const Span span(tape.backend(), weight.layer());
  Tensor y = tape.output(args.y.shape, x.dtype());
  args.w = tape.weight(weight);
  if (bias != nullptr) args.bias = bias->value();
  args.y = y.view();
  tape.backend().conv2d_forward(args);
  if (tape.records()) {
    auto node = std::make_unique<Conv2dNode>();
    node->window = args.window;
    node->x = x;
    node->norm = args.norm;
    node->input = input;
    node->output = y.value();
    node->w = args.w;
    node->weight = &weight;
    node->bias = bias;
    node->batch_norm = batch_norm;
    tape.push(std::move(node), weight.layer());
  }
  return y;
}

}  // namespace

Tensor conv2d(Tape& tape, const Tensor& x, const Parameter& weight, const Parameter* bias, std::int64_t stride,
              std::int64_t pad) {
  return convolve(tape, arguments_of(tape, x, weight, bias, stride, pad), x, x.value(), weight, bias, nullptr);
}

Tensor batch_norm_relu_conv2d(Tape& tape, const Tensor& x, const BatchNormState& state, const Parameter& weight,
                              const Parameter* bias, std::int64_t stride, std::int64_t pad) {
  Conv2dForward args = arguments_of(tape, x, weight, bias, stride, pad);
  if (!tape.backend().normalises_input(args)) {
    const Tensor y = batch_norm_relu(tape, x, state);
    args.x = y.view();
    return convolve(tape, args, y, y.value(), weight, bias, nullptr);
  }
  const NormOnReading normalised = batch_norm_relu_on_reading(tape, x, state);
  args.norm = normalised.norm;
  return convolve(tape, args, x, normalised.value, weight, bias, &state);
}

}  // namespace drift
