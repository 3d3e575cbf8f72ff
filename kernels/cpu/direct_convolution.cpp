#include "kernels/cpu/direct_convolution.h"

namespace drift {
namespace {

using dnnl::memory;
using dnnl::prop_kind;

constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;

std::array<std::int64_t, 4> extents(const Shape& shape) {
  return {shape[0], shape[1], shape[2], shape[3]};
}

}  // namespace

std::string DirectConvolutions::Convolution::text() const {
  constexpr const char* kNames[] = {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weights"};
  return fmt::format("{}: x {} w {} y {} stride {} pad {} {}", kNames[static_cast<int>(direction)], to_string(x.shape),
                     to_string(w.shape), to_string(y.shape), window.stride, window.pad, name_of(x.dtype));
}

DirectConvolutions::Plan& DirectConvolutions::plan(const Convolution& c) {
  const Key key{c.direction,
                c.x.dtype,
                extents(c.x.shape),
                extents(c.w.shape),
                {c.window.size, c.window.stride, c.window.pad},
                static_cast<bool>(c.bias)};
  if (const auto found = plans_.find(key); found != plans_.end()) return found->second;
  Plan made;
  onednn::made([&] { made = make_plan(c); }, [&] { return c.text(); });
  return plans_.emplace(key, std::move(made)).first->second;
}

DirectConvolutions::Plan DirectConvolutions::make_plan(const Convolution& c) const {
  const auto& [direction, window, x, w, y, bias] = c;
  const memory::desc x_desc = onednn::image(x), y_desc = onednn::image(y), arena_desc = onednn::weights(w);
  const memory::desc bias_desc = bias ? onednn::vector(bias) : memory::desc();
  // Weight gradients come out in float32 whatever the activations are.
  const memory::desc w_any =
      onednn::any_layout(w, direction == Direction::kBackwardWeights ? DType::kFloat32 : x.dtype);
  const memory::dims strides{window.stride, window.stride}, pad{window.pad, window.pad};

  Plan plan;
  memory::desc w_desc, scratch_desc;
  const auto take = [&](const auto& description, const memory::desc& weights) {
    w_desc = weights;
    scratch_desc = description.scratchpad_desc();
  };
  // Backward descriptors want a forward one as a hint; its weights have the activations' type.
  const auto forward = [&](prop_kind kind, const memory::desc& hint_bias) {
    return onednn::describe<dnnl::convolution_forward>(kind, kAlgorithm, x_desc, onednn::any_layout(w, x.dtype),
                                                       hint_bias, y_desc, strides, pad, pad);
  };
  if (direction == Direction::kForward) {
    const auto description = forward(prop_kind::forward_training, bias_desc);
    plan.primitive = dnnl::convolution_forward(description);
    take(description, description.weights_desc());
  } else if (direction == Direction::kBackwardData) {
    const auto description = onednn::describe_backward<dnnl::convolution_backward_data>(
        forward(prop_kind::forward_training, bias_desc), kAlgorithm, x_desc, w_any, y_desc, strides, pad, pad);
    plan.primitive = dnnl::convolution_backward_data(description);
    take(description, description.weights_desc());
  } else {
    const auto description = onednn::describe_backward<dnnl::convolution_backward_weights>(
        forward(prop_kind::forward_training, bias_desc), kAlgorithm, x_desc, w_any, bias_desc, y_desc, strides, pad,
        pad);
    plan.primitive = dnnl::convolution_backward_weights(description);
    take(description, description.diff_weights_desc());
  }

  const auto empty = [](const memory::desc& desc) { return memory(desc, onednn::engine(), nullptr); };
  plan.input = empty(x_desc);
  plan.output = empty(y_desc);
  plan.weights = empty(w_desc);
  plan.arena_weights = empty(arena_desc);
  plan.scratchpad = empty(scratch_desc);
  plan.reorders = w_desc != arena_desc;
  if (plan.reorders) {
    const bool back = direction == Direction::kBackwardWeights;
    plan.reorder =
        back ? dnnl::reorder(plan.weights, plan.arena_weights) : dnnl::reorder(plan.arena_weights, plan.weights);
  }
  const bool input_gradient = direction == Direction::kBackwardData,
             weight_gradient = direction == Direction::kBackwardWeights;
  plan.arguments = {{input_gradient ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, plan.input},
                    {weight_gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, plan.weights},
                    {direction == Direction::kForward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST, plan.output},
                    {DNNL_ARG_SCRATCHPAD, plan.scratchpad}};
  if (bias) {
    plan.bias = empty(bias_desc);
    plan.arguments.insert({weight_gradient ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, plan.bias});
  }
  return plan;
}

void DirectConvolutions::compute(const Convolution& c) {
  Plan& p = plan(c);
  const auto [weights, scratch] = workspace_.cut(p.layout_bytes(), p.scratch_bytes());
  const bool back = c.direction == Direction::kBackwardWeights;
  const auto body = [&, weights = weights, scratch = scratch] {
    p.input.set_data_handle(c.x.data);
    p.output.set_data_handle(c.y.data);
    p.arena_weights.set_data_handle(c.w.data);
    p.weights.set_data_handle(p.reorders ? weights : c.w.data);
    p.scratchpad.set_data_handle(scratch);
    if (c.bias) p.bias.set_data_handle(c.bias.data);
    if (p.reorders && !back) p.reorder.execute(stream_, p.arena_weights, p.weights);
    p.primitive.execute(stream_, p.arguments);
    if (p.reorders && back) p.reorder.execute(stream_, p.weights, p.arena_weights);
  };
  onednn::checked(body, [&] { return c.text(); });
}

}  // namespace drift
