// Batch norm, alone or with the residual addition and the ReLU behind it in the same pass. Backward needs x, the
// statistics and one bit per element for the ReLU, never y; it adds the two gradients of a block's output while it
// reads them. With frozen statistics the running ones are constants of both directions. Where a convolution normalises
// what it reads, neither y nor the bits are stored.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/norm_on_reading.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct BatchNormNode final : Node {
  std::string_view op;
  Tensor x;           // [N,H,W,C]
  Tensor mask;        // uint8 [N*H*W, ceil(C/8)]; undefined without ReLU and on reading
  Tensor batch_mean;  // [C], float32; undefined with frozen statistics
  Tensor inv_std;     // [C], float32
  TensorView mean;    // batch_mean's, or the running mean
  bool frozen = false;
  bool on_reading = false;  // the convolution behind it applies the mask and makes dgamma and dbeta
  Value residual;           // like x; not wanted where nothing was added
  Value output;
  const Parameter* gamma = nullptr;
  const Parameter* beta = nullptr;

  std::string_view name() const override { return op; }
  std::array<const Parameter*, 2> parameters() const override { return {gamma, beta}; }

  void backward(Backend& backend, Gradients& gradients) override {
    const auto [dy, dy2] = gradients.take_pair(output);
    Tensor dz;  // in the memory of dy or dy2 where nobody else sees it
    if (Gradients::wanted(residual)) {
      dz = dy.unique() ? dy : dy2.unique() ? dy2 : gradients.like(residual);
    }
    Tensor dx = on_reading && dy.unique() ? dy : gradients.like(x.value());
    backend.batch_norm_backward({.dy = dy.view(),
                                 .dy2 = dy2.view(),
                                 .x = x.view(),
                                 .mask = mask.view(),
                                 .mean = mean,
                                 .inv_std = inv_std.view(),
                                 .gamma = gamma->value(),
                                 .dx = dx.view(),
                                 .dz = dz.view(),
                                 .dgamma = gamma->gradient(),
                                 .dbeta = beta->gradient(),
                                 .frozen = frozen,
                                 .summed = on_reading});
    gradients.add(x.value(), std::move(dx));
    gradients.add(residual, std::move(dz));
  }
};

enum class Relu : std::uint8_t { kNo, kYes };

void check_arguments(std::string_view op, const Tape& tape, const Tensor& x, const Tensor& residual,
                     const BatchNormState& state) {
  check_image(op, tape, "x", x);
  const std::int64_t channels = x.shape().channels();
  check_parameter(op, state.gamma, {channels}, x);
  check_parameter(op, state.beta, {channels}, x);
  for (const Buffer* buffer : {&state.running_mean, &state.running_var}) {
    DRIFT_ASSERT(buffer->shape() == Shape{channels}, "{}: {} must be [{}] for x {}, got {}", op, buffer->name(),
                 channels, to_string(x), to_string(buffer->shape()));
  }
  DRIFT_ASSERT(!residual || (residual.shape() == x.shape() && residual.dtype() == x.dtype()),
               "{}: the residual must be {} like x, got {}", op, to_string(x), to_string(residual));
}

// Of arguments that are checked. y undefined: on reading.
NormOnReading normalise(std::string_view op, Tape& tape, const Tensor& x, const Tensor& residual, Relu relu,
                        const BatchNormState& state, const Tensor& y) {
  const Span span(tape.backend(), state.gamma.layer());
  const std::int64_t channels = x.shape().channels();
  const bool frozen = !tape.uses_batch_statistics();
  const Value output = y ? y.value() : tape.value(x.shape(), x.dtype());
  Tensor mask, inv_std, batch_mean;
  if (tape.records() || !frozen || !y) {
    if (relu == Relu::kYes && y) mask = tape.scratch({x.shape().rows(), (channels + 7) / 8}, DType::kUint8);
    inv_std = tape.scratch({channels}, DType::kFloat32);
  }
  if (!frozen) batch_mean = tape.scratch({channels}, DType::kFloat32);
  const TensorView mean = frozen ? state.running_mean.value() : batch_mean.view();
  if (frozen) {
    tape.backend().batch_norm_inference({.x = x.view(),
                                         .z = residual.view(),
                                         .gamma = state.gamma.value(),
                                         .beta = state.beta.value(),
                                         .mean = mean,
                                         .var = state.running_var.value(),
                                         .y = y.view(),
                                         .mask = mask.view(),
                                         .inv_std = inv_std.view(),
                                         .relu = relu == Relu::kYes,
                                         .epsilon = state.epsilon});
  } else {
    tape.backend().batch_norm_forward({.x = x.view(),
                                       .z = residual.view(),
                                       .gamma = state.gamma.value(),
                                       .beta = state.beta.value(),
                                       .y = y.view(),
                                       .mask = mask.view(),
                                       .mean = mean,
                                       .inv_std = inv_std.view(),
                                       .running_mean = state.running_mean.value(),
                                       .running_var = state.running_var.value(),
                                       .epsilon = state.epsilon,
                                       .momentum = tape.batch_norm_momentum});
  }
  if (tape.records()) {
    auto node = std::make_unique<BatchNormNode>();
    node->op = op;
    node->x = x;
    node->mask = std::move(mask);
    node->batch_mean = batch_mean;
    node->inv_std = inv_std;
    node->mean = mean;
    node->frozen = frozen;
    node->on_reading = !y;
    node->residual = residual.value();
    node->output = output;
    node->gamma = &state.gamma;
    node->beta = &state.beta;
    tape.push(std::move(node), state.gamma.layer());
  }
  const InputNorm norm{mean, inv_std.view(), state.gamma.value(), state.beta.value()};
  return {output, std::move(batch_mean), std::move(inv_std), norm};
}

Tensor normalised(std::string_view op, Tape& tape, const Tensor& x, const Tensor& residual, Relu relu,
                  const BatchNormState& state) {
  check_arguments(op, tape, x, residual, state);
  Tensor y = tape.output(x.shape(), x.dtype());
  normalise(op, tape, x, residual, relu, state, y);
  return y;
}

}  // namespace

Tensor batch_norm(Tape& tape, const Tensor& x, const BatchNormState& state) {
  return normalised("batch_norm", tape, x, {}, Relu::kNo, state);
}

Tensor batch_norm_relu(Tape& tape, const Tensor& x, const BatchNormState& state) {
  return normalised("batch_norm_relu", tape, x, {}, Relu::kYes, state);
}

NormOnReading batch_norm_relu_on_reading(Tape& tape, const Tensor& x, const BatchNormState& state) {
  constexpr std::string_view kOp = "batch_norm_relu";
  check_arguments(kOp, tape, x, {}, state);
  return normalise(kOp, tape, x, {}, Relu::kYes, state, {});
}

Tensor batch_norm_add_relu(Tape& tape, const Tensor& x, const Tensor& residual, const BatchNormState& state) {
  DRIFT_ASSERT(residual, "batch_norm_add_relu: the residual for x {} is undefined", to_string(x));
  return normalised("batch_norm_add_relu", tape, x, residual, Relu::kYes, state);
}

}  // namespace drift
