// Group norm: statistics per sample, so training and inference are the same pass. Backward needs x and the statistics.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

struct GroupNormNode final : Node {
  Tensor x;              // [N,H,W,C]
  Tensor mean, inv_std;  // [N,groups], float32
  Value output;
  const Parameter* gamma = nullptr;
  const Parameter* beta = nullptr;
  std::int64_t groups = 0;

  std::string_view name() const override { return "group_norm"; }
  std::array<const Parameter*, 2> parameters() const override { return {gamma, beta}; }

  void backward(Backend& backend, Gradients& gradients) override {
    const Tensor dy = gradients.take(output);
    Tensor dx = gradients.like(x.value());
    backend.group_norm_backward({.dy = dy.view(),
                                 .x = x.view(),
                                 .gamma = gamma->value(),
                                 .mean = mean.view(),
                                 .inv_std = inv_std.view(),
                                 .dx = dx.view(),
                                 .dgamma = gamma->gradient(),
                                 .dbeta = beta->gradient(),
                                 .groups = groups});
    gradients.add(x.value(), std::move(dx));
  }
};

}  // namespace

Tensor group_norm(Tape& tape, const Tensor& x, const Parameter& gamma, const Parameter& beta, std::int64_t groups) {
  check_image("group_norm", tape, "x", x);
  const std::int64_t channels = x.shape().channels();
  check_parameter("group_norm", gamma, {channels}, x);
  check_parameter("group_norm", beta, {channels}, x);
  DRIFT_ASSERT(groups >= 1 && channels % groups == 0, "group_norm: {} groups do not divide the channels of x {}",
               groups, to_string(x));

  const Span span(tape.backend(), gamma.layer());
  Tensor y = tape.output(x.shape(), x.dtype());
  auto node = std::make_unique<GroupNormNode>();
  node->x = x;
  node->mean = tape.scratch({x.shape()[0], groups}, DType::kFloat32);
  node->inv_std = tape.scratch({x.shape()[0], groups}, DType::kFloat32);
  node->output = y.value();
  node->gamma = &gamma;
  node->beta = &beta;
  node->groups = groups;
  tape.backend().group_norm_forward({.x = x.view(),
                                     .gamma = gamma.value(),
                                     .beta = beta.value(),
                                     .y = y.view(),
                                     .mean = node->mean.view(),
                                     .inv_std = node->inv_std.view(),
                                     .groups = groups});
  if (tape.records()) tape.push(std::move(node), gamma.layer());
  return y;
}

}  // namespace drift
