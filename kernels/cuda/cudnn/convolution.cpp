#include "kernels/cuda/cudnn/convolution.h"

#include "kernels/cuda/own_kernels.h"

namespace drift {
namespace {

std::size_t bytes_as_type(const TensorView& view, DType dtype) {
  return view.dtype == dtype ? 0 : static_cast<std::size_t>(view.elements()) * size_of(dtype);
}

}  // namespace

void CudnnConvolutions::forward(const Conv2dForward& args) {
  const ConvolutionGraph graph = graph_of(args, context_.tf32());
  const Plan& plan = context_.plan(graph);
  const auto [scratch] = context_.workspace().cut(plan.info().workspace_bytes);
  std::vector<Binding> bindings{{Operand::kX, args.x.data}, {Operand::kW, args.w.data}, {Operand::kY, args.y.data}};
  if (args.bias) bindings.push_back({Operand::kBias, args.bias.data});
  context_.run(plan, bindings, scratch);
}

void CudnnConvolutions::backward_data(const Conv2dBackwardData& args) {
  const ConvolutionGraph graph = graph_of(args, context_.tf32());
  const Plan& plan = context_.plan(graph);
  const auto [scratch] = context_.workspace().cut(plan.info().workspace_bytes);
  std::vector<Binding> bindings{{Operand::kDy, args.dy.data}, {Operand::kW, args.w.data}, {Operand::kDx, args.dx.data}};
  if (args.addend) bindings.push_back({Operand::kAddend, args.addend.data});
  context_.run(plan, bindings, scratch);
}

void CudnnConvolutions::backward_weights(const Conv2dBackwardWeights& args) {
  const ConvolutionGraph graph = graph_of(args, context_.tf32());
  const Plan& plan = context_.plan(graph);
  const auto [wide_x, wide_dy, scratch] = context_.workspace().cut(
      bytes_as_type(args.x, graph.dtype), bytes_as_type(args.dy, graph.dtype), plan.info().workspace_bytes);
  const TensorView x = as_type_on(context_.stream(), args.x, graph.dtype, wide_x);
  const TensorView dy = as_type_on(context_.stream(), args.dy, graph.dtype, wide_dy);
  const Binding bindings[] = {{Operand::kX, x.data}, {Operand::kDy, dy.data}, {Operand::kDw, args.dw.data}};
  context_.run(plan, bindings, scratch);
}

}  // namespace drift
