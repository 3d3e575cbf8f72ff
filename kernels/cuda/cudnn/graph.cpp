#include "kernels/cuda/cudnn/graph.h"

#include <fmt/format.h>

namespace drift {
namespace {

using Kind = ConvolutionGraph::Kind;

std::string text_of(const ConvolutionGraph& graph) {
  constexpr const char* kNames[] = {"conv2d_forward", "conv2d_backward_data", "conv2d_backward_weights"};
  return fmt::format("{} {}{} nhwc x {} w {} stride {} pad {}{}{}", kNames[static_cast<int>(graph.kind)],
                     name_of(graph.dtype), graph.tf32 ? " tf32" : "", to_string(graph.x), to_string(graph.w),
                     graph.window.stride, graph.window.pad, graph.bias ? " bias" : "", graph.addend ? " addend" : "");
}

std::string budget_text(std::int64_t multiprocessors) {
  return multiprocessors == 0 ? "" : fmt::format(" on {} multiprocessors", multiprocessors);
}

std::string text_of(const BatchNormForwardGraph& graph) {
  return fmt::format("batch_norm_forward {} nhwc x {}{}{}{}{}", name_of(graph.dtype), to_string(graph.x),
                     graph.residual ? " residual" : "", graph.relu ? " relu" : "", graph.running ? " running" : "",
                     budget_text(graph.multiprocessors));
}

std::string text_of(const BatchNormBackwardGraph& graph) {
  return fmt::format("batch_norm_backward {} nhwc x {}{}{}{}", name_of(graph.dtype), to_string(graph.x),
                     graph.mask ? " mask" : "", graph.gradient_out ? " dz" : "", budget_text(graph.multiprocessors));
}

bool allows_tf32(DType dtype, bool tf32) {
  return dtype == DType::kFloat32 && tf32;
}

}  // namespace

ConvolutionGraph graph_of(const Conv2dForward& args, bool tf32) {
  return {.kind = Kind::kForward,
          .window = args.window,
          .x = args.x.shape,
          .w = args.w.shape,
          .y = args.y.shape,
          .dtype = args.x.dtype,
          .bias = static_cast<bool>(args.bias),
          .tf32 = allows_tf32(args.x.dtype, tf32)};
}

ConvolutionGraph graph_of(const Conv2dBackwardData& args, bool tf32) {
  return {.kind = Kind::kBackwardData,
          .window = args.window,
          .x = args.dx.shape,
          .w = args.w.shape,
          .y = args.dy.shape,
          .dtype = args.dy.dtype,
          .addend = static_cast<bool>(args.addend),
          .tf32 = allows_tf32(args.dy.dtype, tf32)};
}

ConvolutionGraph graph_of(const Conv2dBackwardWeights& args, bool tf32) {
  const bool widened = args.x.dtype == DType::kBFloat16 && (args.dw.shape[0] % 4 != 0 || args.dw.shape[3] % 4 != 0);
  const DType dtype = widened ? DType::kFloat32 : args.x.dtype;
  return {.kind = Kind::kBackwardWeights,
          .window = args.window,
          .x = args.x.shape,
          .w = args.dw.shape,
          .y = args.dy.shape,
          .dtype = dtype,
          .tf32 = allows_tf32(dtype, tf32 || widened)};
}

BatchNormForwardGraph graph_of(const BatchNormForward& args, std::int64_t multiprocessors) {
  return {.x = args.x.shape,
          .dtype = args.x.dtype,
          .residual = static_cast<bool>(args.z),
          .relu = static_cast<bool>(args.mask),
          .running = static_cast<bool>(args.running_mean),
          .multiprocessors = multiprocessors};
}

BatchNormBackwardGraph graph_of(const BatchNormBackward& args, std::int64_t multiprocessors) {
  return {.x = args.x.shape,
          .dtype = args.x.dtype,
          .mask = static_cast<bool>(args.mask),
          .gradient_out = static_cast<bool>(args.dz),
          .multiprocessors = multiprocessors};
}

bool cudnn_supports(const BatchNormForward& args) {
  return args.x.shape.channels() % 8 == 0 && (args.mask || !args.z);
}

bool cudnn_supports(const BatchNormBackward& args) {
  return args.x.shape.channels() % 8 == 0 && (args.mask || !args.dz) && (args.dz || !args.dy2) && !args.frozen;
}

std::string key_of(const GraphRequest& request) {
  return std::visit([](const auto& graph) { return text_of(graph); }, request);
}

}  // namespace drift
