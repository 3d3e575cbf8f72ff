#include "kernels/cpu/linear.h"

#include "kernels/launch/for_each_cpu.h"
#include "kernels/math/elementwise.h"

namespace drift {

using dnnl::memory;

Linears::Plan Linears::make_plan(const Operand& a, const Operand& b, bool has_bias, const TensorView& c) {
  const memory::desc a_desc = onednn::matrix(a.view, a.transposed), b_desc = onednn::matrix(b.view, b.transposed);
  const memory::desc c_desc = onednn::matrix(c);
  const memory::desc bias_desc =
      has_bias ? memory::desc({1, c.shape[1]}, memory::data_type::f32, memory::format_tag::ab) : memory::desc();
  const auto description = onednn::describe<dnnl::matmul>(a_desc, b_desc, bias_desc, c_desc);
  const auto empty = [](const memory::desc& desc) { return memory(desc, onednn::engine(), nullptr); };
  Plan plan = {dnnl::matmul(description),
               empty(a_desc),
               empty(b_desc),
               {},
               empty(c_desc),
               empty(description.scratchpad_desc()),
               {}};
  plan.arguments = {{DNNL_ARG_SRC, plan.a},
                    {DNNL_ARG_WEIGHTS, plan.b},
                    {DNNL_ARG_DST, plan.c},
                    {DNNL_ARG_SCRATCHPAD, plan.scratchpad}};
  if (has_bias) {
    plan.bias = empty(bias_desc);
    plan.arguments.insert({DNNL_ARG_BIAS, plan.bias});
  }
  scratch_.resize(std::max(scratch_.size(), description.scratchpad_desc().get_size()));
  return plan;
}

void Linears::multiply(const Operand& a, const Operand& b, const TensorView& bias, const TensorView& c) {
  const auto text = [&] {
    return fmt::format("linear: {}{} times {}{} -> {} {}", to_string(a.view.shape), a.transposed ? "^T" : "",
                       to_string(b.view.shape), b.transposed ? "^T" : "", to_string(c.shape), name_of(a.view.dtype));
  };
  const bool has_bias{bias};
  const std::int64_t inner = a.view.shape[a.transposed ? 0 : 1];
  Plan& plan = plans_[{{c.shape[0], inner, c.shape[1]}, a.view.dtype, c.dtype, a.transposed, b.transposed, has_bias}];
  if (!plan.primitive) onednn::made([&] { plan = make_plan(a, b, has_bias, c); }, text);
  const auto body = [&] {
    plan.a.set_data_handle(a.view.data);
    plan.b.set_data_handle(b.view.data);
    plan.c.set_data_handle(c.data);
    plan.scratchpad.set_data_handle(scratch_.data());
    if (bias) plan.bias.set_data_handle(bias.data);
    plan.primitive.execute(stream_, plan.arguments);
  };
  onednn::checked(body, text);
}

TensorView Linears::converted(const TensorView& view, DType dtype, std::byte* to) {
  if (dtype == view.dtype) return view;
  for_each_packet(threads_, view.elements(),
                  CastMap<float, BFloat16>{view.as<float>(), reinterpret_cast<BFloat16*>(to)});
  return {to, view.shape, DType::kBFloat16};
}

void Linears::forward(const LinearForward& args) {
  multiply({args.x}, {args.w, true}, args.bias, args.y);
}

void Linears::backward(const LinearBackward& args) {
  const auto [gradient] = workspace_.cut(args.dy.bytes());
  const TensorView dy = converted(args.dy, args.x.dtype, gradient);
  if (args.dx) multiply({dy}, {args.w}, {}, args.dx);
  multiply({dy, true}, {args.x}, {}, args.dw);
}

}  // namespace drift
