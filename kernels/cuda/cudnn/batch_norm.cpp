#include "kernels/cuda/cudnn/batch_norm.h"

#include "core/check.h"
#include "kernels/cuda/own_kernels.h"

namespace drift {

void CudnnBatchNorms::forward(const BatchNormForward& args) {
  DRIFT_ASSERT(supports(args), "batch_norm_forward: x {} is not for cuDNN", to_string(args.x.shape));
  const Plan& plan = context_.plan(graph_of(args, context_.batch_norm_multiprocessors()));
  std::vector<Binding> bindings{{Operand::kX, args.x.data},        {Operand::kGamma, args.gamma.data},
                                {Operand::kBeta, args.beta.data},  {Operand::kY, args.y.data},
                                {Operand::kMean, args.mean.data},  {Operand::kInvStd, args.inv_std.data},
                                {Operand::kEpsilon, &args.epsilon}};
  if (args.z) bindings.push_back({Operand::kZ, args.z.data});
  if (args.mask) bindings.push_back({Operand::kMask, args.mask.data});
  if (args.running_mean) {
    bindings.insert(bindings.end(), {{Operand::kRunningMean, args.running_mean.data},
                                     {Operand::kRunningVar, args.running_var.data},
                                     {Operand::kNewRunningMean, args.running_mean.data},
                                     {Operand::kNewRunningVar, args.running_var.data},
                                     {Operand::kMomentum, &args.momentum}});
  }
  const auto [scratch] = context_.workspace().cut(plan.info().workspace_bytes);
  context_.run(plan, bindings, scratch);
}

void CudnnBatchNorms::backward(const BatchNormBackward& args) {
  DRIFT_ASSERT(supports(args), "batch_norm_backward: x {} is not for cuDNN", to_string(args.x.shape));
  const BatchNormBackwardGraph graph = graph_of(args, context_.batch_norm_multiprocessors());
  const Plan& plan = context_.plan(graph);
  // dz may lie over dy, which the graph may read a second time after it wrote dz: masking twice changes nothing. Adding
  // twice would, so the sum is made before.
  TensorView dy = args.dy;
  if (args.dy2) {
    run_on(context_.stream(), Add{args.dy, args.dy2, args.dz});
    dy = args.dz;
  }
  std::vector<Binding> bindings{{Operand::kDy, dy.data},
                                {Operand::kX, args.x.data},
                                {Operand::kMean, args.mean.data},
                                {Operand::kInvStd, args.inv_std.data},
                                {Operand::kGamma, args.gamma.data},
                                {Operand::kDx, args.dx.data},
                                {Operand::kDgamma, args.dgamma.data},
                                {Operand::kDbeta, args.dbeta.data}};
  if (graph.mask) bindings.push_back({Operand::kMask, args.mask.data});
  if (graph.gradient_out) bindings.push_back({Operand::kDz, args.dz.data});
  const auto [scratch] = context_.workspace().cut(plan.info().workspace_bytes);
  context_.run(plan, bindings, scratch);
}

}  // namespace drift
