#include "tests/emulator/tests/cudnn_graph.h"

#include <cudnn_frontend.h>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <unordered_map>

#include "tests/emulator/tests/device_array.h"

namespace drift::emulator::testing {

namespace {

namespace fe = cudnn_frontend;
using Attributes = std::shared_ptr<fe::graph::Tensor_attributes>;

void check(fe::error_t status) {
  if (status.is_bad()) throw std::runtime_error(status.get_message());
}

fe::DataType_t data_type(Element element) {
  switch (element) {
    case Element::kFloat32:
      return fe::DataType_t::FLOAT;
    case Element::kFloat16:
      return fe::DataType_t::HALF;
    case Element::kBfloat16:
      return fe::DataType_t::BFLOAT16;
    case Element::kInt8:
      return fe::DataType_t::INT8;
    case Element::kInt32:
      return fe::DataType_t::INT32;
    case Element::kBoolean:
      return fe::DataType_t::BOOLEAN;
  }
  throw std::logic_error("unknown element");
}

// Channels last for images, row by row for matrices.
Shape strides(const Shape& shape) {
  if (shape.size() == 3) return {shape[1] * shape[2], shape[2], 1};
  return {shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]};
}

std::shared_ptr<fe::DeviceProperties> device_properties(int sm) {
  const std::string path = std::string(DRIFT_EMULATOR_PROPERTIES) + "/sm" + std::to_string(sm) + ".json";
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::vector<std::uint8_t> text((std::istreambuf_iterator<char>(file)), {});
  auto properties = std::make_shared<fe::DeviceProperties>();
  check(properties->deserialize(text));
  return properties;
}

std::vector<std::int64_t> twice(std::int64_t value) {
  return {value, value};
}

template <class Options>
Options with_window(Window window) {
  return Options()
      .set_padding(twice(window.padding))
      .set_stride(twice(window.stride))
      .set_dilation(twice(window.dilation));
}

}  // namespace

struct CudnnGraph::State {
  Tensor add(const Attributes& tensor) {
    const auto uid = static_cast<Tensor>(tensors.size()) + 1;
    tensor->set_uid(uid);
    tensors.push_back(tensor);
    return uid;
  }
  Attributes at(Tensor uid) const { return tensors.at(static_cast<std::size_t>(uid - 1)); }

  void build(cudnnHandle_t planned_with) {
    check(graph.validate());
    check(graph.build_operation_graph(planned_with));
    check(graph.create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}));
    check(graph.check_support());
    check(graph.build_plans());
  }

  int sm = 0;
  Element io;
  fe::graph::Graph graph;
  std::vector<Attributes> tensors;
  cudnnHandle_t handle = nullptr;
};

CudnnGraph::CudnnGraph(int sm, Element io) : state_(std::make_unique<State>()) {
  state_->sm = sm;
  state_->io = io;
  state_->graph.set_io_data_type(data_type(io))
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  if (cudnnCreate(&state_->handle) != CUDNN_STATUS_SUCCESS) throw std::runtime_error("cudnnCreate failed");
}

CudnnGraph::~CudnnGraph() {
  cudnnDestroy(state_->handle);
}

CudnnGraph::Tensor CudnnGraph::input(const Shape& shape, Element element) {
  return state_->add(state_->graph.tensor(
      fe::graph::Tensor_attributes().set_dim(shape).set_stride(strides(shape)).set_data_type(data_type(element))));
}

CudnnGraph::Tensor CudnnGraph::by_value(float value) {
  return state_->add(state_->graph.tensor(value));
}

CudnnGraph::Tensor CudnnGraph::by_value() {
  return state_->add(state_->graph.tensor(fe::graph::Tensor_attributes()
                                              .set_dim({1, 1, 1, 1})
                                              .set_stride({1, 1, 1, 1})
                                              .set_is_pass_by_value(true)
                                              .set_data_type(fe::DataType_t::FLOAT)));
}

CudnnGraph::Tensor CudnnGraph::convolution(Tensor x, Tensor w, Window window) {
  return state_->add(
      state_->graph.conv_fprop(state_->at(x), state_->at(w), with_window<fe::graph::Conv_fprop_attributes>(window)));
}

CudnnGraph::Tensor CudnnGraph::convolution_backward_data(Tensor dy, Tensor w, Window window, const Shape& dx) {
  const auto result =
      state_->graph.conv_dgrad(state_->at(dy), state_->at(w), with_window<fe::graph::Conv_dgrad_attributes>(window));
  result->set_dim(dx);
  return state_->add(result);
}

CudnnGraph::Tensor CudnnGraph::convolution_backward_filter(Tensor dy, Tensor x, Window window, const Shape& dw) {
  const auto result =
      state_->graph.conv_wgrad(state_->at(dy), state_->at(x), with_window<fe::graph::Conv_wgrad_attributes>(window));
  result->set_dim(dw);
  return state_->add(result);
}

CudnnGraph::Tensor CudnnGraph::pointwise(const std::string& mode, Tensor x) {
  const auto options = fe::graph::Pointwise_attributes().set_mode(nlohmann::json(mode).get<fe::PointwiseMode_t>());
  return state_->add(state_->graph.pointwise(state_->at(x), options));
}

CudnnGraph::Tensor CudnnGraph::pointwise(const std::string& mode, Tensor x, Tensor b) {
  const auto options = fe::graph::Pointwise_attributes().set_mode(nlohmann::json(mode).get<fe::PointwiseMode_t>());
  return state_->add(state_->graph.pointwise(state_->at(x), state_->at(b), options));
}

CudnnGraph::Norm CudnnGraph::batch_norm(Tensor x, Tensor scale, Tensor bias, Tensor mean, Tensor variance,
                                        float epsilon, float momentum) {
  auto epsilon_tensor = state_->graph.tensor(epsilon);
  auto momentum_tensor = state_->graph.tensor(momentum);
  auto running_mean = state_->at(mean);
  auto running_variance = state_->at(variance);
  const auto options = fe::graph::Batchnorm_attributes()
                           .set_epsilon(epsilon_tensor)
                           .set_previous_running_stats(running_mean, running_variance, momentum_tensor);
  const auto results = state_->graph.batchnorm(state_->at(x), state_->at(scale), state_->at(bias), options);
  Norm norm{};
  norm.y = state_->add(results[0]);
  norm.mean = state_->add(results[1]);
  norm.inverse_deviation = state_->add(results[2]);
  norm.next_mean = state_->add(results[3]);
  norm.next_variance = state_->add(results[4]);
  for (const Tensor statistic : {norm.mean, norm.inverse_deviation, norm.next_mean, norm.next_variance}) {
    output(statistic, Element::kFloat32);
  }
  return norm;
}

CudnnGraph::NormGradient CudnnGraph::batch_norm_backward(Tensor dy, Tensor x, Tensor scale, Tensor mean,
                                                         Tensor inverse_deviation) {
  auto saved_mean = state_->at(mean);
  auto saved_deviation = state_->at(inverse_deviation);
  const auto options =
      fe::graph::Batchnorm_backward_attributes().set_saved_mean_and_inv_variance(saved_mean, saved_deviation);
  const auto results = state_->graph.batchnorm_backward(state_->at(dy), state_->at(x), state_->at(scale), options);
  NormGradient gradient{};
  gradient.dx = state_->add(results[0]);
  gradient.dscale = state_->add(results[1]);
  gradient.dbias = state_->add(results[2]);
  output(gradient.dx, state_->io);
  output(gradient.dscale, Element::kFloat32);
  output(gradient.dbias, Element::kFloat32);
  return gradient;
}

CudnnGraph::Pooled CudnnGraph::pool(const std::string& mode, Tensor x, std::int64_t size, Window window) {
  const bool maximum = mode == "MAXPOOL";
  auto options = fe::graph::Resample_attributes()
                     .set_resampling_mode(nlohmann::json(mode).get<fe::ResampleMode_t>())
                     .set_padding_mode(maximum ? fe::PaddingMode_t::NEG_INF_PAD : fe::PaddingMode_t::ZERO_PAD)
                     .set_window(twice(size))
                     .set_stride(twice(window.stride))
                     .set_pre_padding(twice(window.padding))
                     .set_post_padding(twice(window.padding));
  options.set_generate_index(maximum);
  const auto results = state_->graph.resample(state_->at(x), options);
  Pooled pooled{state_->add(results[0]), -1};
  output(pooled.y, state_->io);
  if (maximum) {
    pooled.index = state_->add(results[1]);
    output(pooled.index, Element::kInt8);
  }
  return pooled;
}

CudnnGraph::Tensor CudnnGraph::sum(Tensor x, const Shape& y) {
  const auto result =
      state_->graph.reduction(state_->at(x), fe::graph::Reduction_attributes().set_mode(fe::ReductionMode_t::ADD));
  result->set_dim(y).set_stride(strides(y));
  return state_->add(result);
}

CudnnGraph::Tensor CudnnGraph::matmul(Tensor a, Tensor b) {
  return state_->add(state_->graph.matmul(state_->at(a), state_->at(b), fe::graph::Matmul_attributes()));
}

void CudnnGraph::output(Tensor tensor, Element element) {
  state_->at(tensor)->set_output(true).set_data_type(data_type(element));
}

void CudnnGraph::keep_virtual_as(Tensor tensor, Element element) {
  state_->at(tensor)->set_data_type(data_type(element));
}

void CudnnGraph::build() {
  state_->graph.set_device_properties(device_properties(state_->sm));
  state_->build(nullptr);
}

void CudnnGraph::build_from_handle() {
  state_->build(state_->handle);
}

std::string CudnnGraph::engine() const {
  std::string name;
  check(state_->graph.get_plan_name(name));
  return name;
}

std::int64_t CudnnGraph::workspace_bytes() const {
  std::int64_t bytes = 0;
  check(state_->graph.get_workspace_size(bytes));
  return bytes;
}

std::string CudnnGraph::run(const std::map<Tensor, void*>& addresses, void* workspace, cudaStream_t stream) {
  std::unordered_map<std::int64_t, void*> pack(addresses.begin(), addresses.end());
  cudnnSetStream(state_->handle, stream);
  auto status = state_->graph.execute(state_->handle, pack, workspace);
  return status.is_good() ? "" : "failed: " + status.get_message();
}

void CudnnGraph::run(const std::map<Tensor, void*>& addresses) {
  const DeviceArray workspace(Element::kInt8, workspace_bytes() + 1);
  cudaStream_t stream = nullptr;
  testing::check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  const auto error = run(addresses, workspace.address(), stream);
  if (!error.empty()) throw std::runtime_error(error);
  testing::check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  testing::check(cudaStreamDestroy(stream), "cudaStreamDestroy");
}

}  // namespace drift::emulator::testing
