#include "kernels/cuda/cudnn/frontend_graph.h"

#include <memory>
#include <vector>

namespace drift {
namespace {

namespace fe = cudnn_frontend;
using Graph = fe::graph::Graph;
using TensorHandle = std::shared_ptr<fe::graph::Tensor_attributes>;
using fe::DataType_t;
using fe::PointwiseMode_t;

constexpr auto kFloat = DataType_t::FLOAT;

DataType_t type_of(DType dtype) {
  return dtype == DType::kBFloat16 ? DataType_t::BFLOAT16 : kFloat;
}

// cuDNN names extents in the order N,C,H,W (weights O,I,k,k), whatever lies next to what in memory.
std::vector<std::int64_t> dims_of(const Shape& s) {
  return {s[0], s[3], s[1], s[2]};
}
std::vector<std::int64_t> strides_of(const Shape& s) {
  return {s[1] * s[2] * s[3], 1, s[2] * s[3], s[3]};
}

// Makes tensors of one graph.
class Tensors {
 public:
  Tensors(Graph& graph, DType dtype) : graph_(graph), type_(type_of(dtype)) {}

  TensorHandle image(Operand operand, const Shape& shape) { return input(operand, shape, type_); }
  TensorHandle channels(Operand operand, std::int64_t count) { return input(operand, {1, 1, 1, count}, kFloat); }
  TensorHandle mask(const Shape& shape) { return input(Operand::kMask, shape, DataType_t::BOOLEAN); }
  TensorHandle host_float(Operand operand) {
    return graph_.tensor(attributes(operand, {1, 1, 1, 1}, kFloat).set_is_pass_by_value(true));
  }

  void image_out(const TensorHandle& tensor, Operand operand, const Shape& shape) {
    output(tensor, operand, shape, type_);
  }
  void float_out(const TensorHandle& tensor, Operand operand, const Shape& shape) {
    output(tensor, operand, shape, kFloat);
  }
  void channels_out(const TensorHandle& tensor, Operand operand, std::int64_t count) {
    output(tensor, operand, {1, 1, 1, count}, kFloat);
  }
  void mask_out(const TensorHandle& tensor, const Shape& shape) {
    output(tensor, Operand::kMask, shape, DataType_t::BOOLEAN);
  }

  // Stays inside the graph, in float32, unless it is made an output.
  TensorHandle pointwise(PointwiseMode_t mode, const TensorHandle& a, const TensorHandle& b = nullptr) {
    const auto operation = fe::graph::Pointwise_attributes().set_mode(mode).set_compute_data_type(kFloat);
    return b ? graph_.pointwise(a, b, operation) : graph_.pointwise(a, operation);
  }

 private:
  static fe::graph::Tensor_attributes attributes(Operand operand, const Shape& shape, DataType_t type) {
    fe::graph::Tensor_attributes result;
    result.set_uid(static_cast<std::int64_t>(operand)).set_dim(dims_of(shape)).set_stride(strides_of(shape));
    result.set_data_type(type);
    return result;
  }
  TensorHandle input(Operand operand, const Shape& shape, DataType_t type) {
    return graph_.tensor(attributes(operand, shape, type));
  }
  static void output(const TensorHandle& tensor, Operand operand, const Shape& shape, DataType_t type) {
    tensor->set_output(true).set_uid(static_cast<std::int64_t>(operand)).set_data_type(type);
    tensor->set_dim(dims_of(shape)).set_stride(strides_of(shape));
  }

  Graph& graph_;
  DataType_t type_;
};

template <class Attributes>
Attributes with_window(const Window& window) {
  Attributes attributes;
  attributes.set_padding({window.pad, window.pad})
      .set_stride({window.stride, window.stride})
      .set_dilation({1, 1})
      .set_compute_data_type(kFloat);
  return attributes;
}

void describe_request(const ConvolutionGraph& request, Graph& graph) {
  using Kind = ConvolutionGraph::Kind;
  Tensors tensors(graph, request.dtype);
  if (request.kind == Kind::kForward) {
    const auto x = tensors.image(Operand::kX, request.x);
    const auto w = tensors.image(Operand::kW, request.w);
    auto y = graph.conv_fprop(x, w, with_window<fe::graph::Conv_fprop_attributes>(request.window));
    if (request.bias) {
      y = tensors.pointwise(PointwiseMode_t::ADD, y, tensors.channels(Operand::kBias, request.w[0]));
    }
    tensors.image_out(y, Operand::kY, request.y);
  } else if (request.kind == Kind::kBackwardData) {
    const auto dy = tensors.image(Operand::kDy, request.y);
    const auto w = tensors.image(Operand::kW, request.w);
    auto dx = graph.conv_dgrad(dy, w, with_window<fe::graph::Conv_dgrad_attributes>(request.window));
    if (request.addend) {
      dx->set_dim(dims_of(request.x)).set_stride(strides_of(request.x));
      dx = tensors.pointwise(PointwiseMode_t::ADD, dx, tensors.image(Operand::kAddend, request.x));
    }
    tensors.image_out(dx, Operand::kDx, request.x);
  } else {
    const auto dy = tensors.image(Operand::kDy, request.y);
    const auto x = tensors.image(Operand::kX, request.x);
    auto dw = graph.conv_wgrad(dy, x, with_window<fe::graph::Conv_wgrad_attributes>(request.window));
    if (request.dtype != DType::kFloat32) {
      // No engine writes a float32 gradient of bfloat16 tensors directly; behind a pointwise operation some do.
      dw->set_dim(dims_of(request.w)).set_stride(strides_of(request.w)).set_data_type(kFloat);
      dw = tensors.pointwise(PointwiseMode_t::IDENTITY, dw);
    }
    tensors.float_out(dw, Operand::kDw, request.w);
  }
}

void limit(std::int64_t multiprocessors, Graph& graph) {
  if (multiprocessors > 0) graph.set_sm_count(static_cast<std::int32_t>(multiprocessors));
}

void describe_request(const BatchNormForwardGraph& request, Graph& graph) {
  limit(request.multiprocessors, graph);
  Tensors tensors(graph, request.dtype);
  const std::int64_t channels = request.x.channels();
  TensorHandle epsilon = tensors.host_float(Operand::kEpsilon);
  auto attributes = fe::graph::Batchnorm_attributes().set_epsilon(epsilon);
  if (request.running) {
    TensorHandle running_mean = tensors.channels(Operand::kRunningMean, channels);
    TensorHandle running_var = tensors.channels(Operand::kRunningVar, channels);
    TensorHandle momentum = tensors.host_float(Operand::kMomentum);
    attributes.set_previous_running_stats(running_mean, running_var, momentum);
  }
  auto [y, mean, inv_std, new_mean, new_var] =
      graph.batchnorm(tensors.image(Operand::kX, request.x), tensors.channels(Operand::kGamma, channels),
                      tensors.channels(Operand::kBeta, channels), attributes);
  tensors.channels_out(mean, Operand::kMean, channels);
  tensors.channels_out(inv_std, Operand::kInvStd, channels);
  if (request.running) {
    tensors.channels_out(new_mean, Operand::kNewRunningMean, channels);
    tensors.channels_out(new_var, Operand::kNewRunningVar, channels);
  }
  if (request.residual) {
    y = tensors.pointwise(PointwiseMode_t::ADD, y, tensors.image(Operand::kZ, request.x));
  }
  if (request.relu) {
    y = tensors.pointwise(PointwiseMode_t::RELU_FWD, y);
    // Of the ReLU's output: cuDNN has no engine that compares its input.
    const auto mask = tensors.pointwise(PointwiseMode_t::CMP_GT, y, graph.tensor(0.0f));
    tensors.mask_out(mask, request.x);
  }
  tensors.image_out(y, Operand::kY, request.x);
}

void describe_request(const BatchNormBackwardGraph& request, Graph& graph) {
  limit(request.multiprocessors, graph);
  Tensors tensors(graph, request.dtype);
  const std::int64_t channels = request.x.channels();
  auto gradient = tensors.image(Operand::kDy, request.x);
  if (request.mask) {
    gradient = tensors.pointwise(PointwiseMode_t::MUL, gradient, tensors.mask(request.x));
    gradient->set_data_type(type_of(request.dtype));  // batch norm takes no other
  }
  if (request.gradient_out) tensors.image_out(gradient, Operand::kDz, request.x);
  auto attributes = fe::graph::Batchnorm_backward_attributes().set_saved_mean_and_inv_variance(
      tensors.channels(Operand::kMean, channels), tensors.channels(Operand::kInvStd, channels));
  auto [dx, dgamma, dbeta] = graph.batchnorm_backward(gradient, tensors.image(Operand::kX, request.x),
                                                      tensors.channels(Operand::kGamma, channels), attributes);
  tensors.image_out(dx, Operand::kDx, request.x);
  tensors.channels_out(dgamma, Operand::kDgamma, channels);
  tensors.channels_out(dbeta, Operand::kDbeta, channels);
}

}  // namespace

void describe(const GraphRequest& request, Graph& graph) {
  const DType dtype = std::visit([](const auto& kind) { return kind.dtype; }, request);
  graph.set_io_data_type(type_of(dtype)).set_intermediate_data_type(kFloat).set_compute_data_type(kFloat);
  std::visit([&graph](const auto& kind) { describe_request(kind, graph); }, request);
}

}  // namespace drift
