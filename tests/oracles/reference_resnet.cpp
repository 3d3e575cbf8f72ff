#include "tests/oracles/reference_resnet.h"

#include <algorithm>
#include <fmt/format.h>

#include "tests/reference/activation.h"
#include "tests/reference/batch_norm.h"
#include "tests/reference/conv.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/linear.h"
#include "tests/reference/pool.h"
#include "tests/reference/shortcut.h"
#include "tests/reference/softmax.h"

namespace drift::sim {
namespace {

using reference::Array;

Array sum(Array a, const Array& b) {
  for (std::size_t i = 0; i < a.values.size(); ++i) a.values[i] += b.values[i];
  return a;
}

Window window_of(std::int64_t stride) {
  return {.size = 3, .stride = stride, .pad = 1};
}

}  // namespace

// One forward and backward of one replica.
class ReferenceResNet::Pass {
 public:
  Pass(const ReferenceResNet& net, Replica& replica) : net_(net), replica_(replica) {}

  // What a convolution and the norm and activation behind it leave for backward.
  struct Layer {
    std::string conv, norm;
    Window window;
    Array input, conv_output, before_activation, output;
    reference::BatchNormResult batch_norm;
    reference::GroupNormResult group_norm;
  };
  struct LayerGradients {
    Array input, residual;
  };

  Layer forward(const std::string& conv, const std::string& norm, std::int64_t stride, const Array& x,
                const Array& residual) {
    Layer layer;
    layer.conv = conv;
    layer.norm = norm;
    layer.window = window_of(stride);
    layer.input = x;
    layer.conv_output = reference::conv2d_forward(layer.window, x, parameter(conv + ".weight"), {});
    const Array gamma = parameter(norm + ".weight"), beta = parameter(norm + ".bias");
    if (net_.options_.norm == "batch") {
      layer.batch_norm =
          reference::batch_norm_forward(layer.conv_output, residual, gamma, beta, buffer(norm + ".running_mean"),
                                        buffer(norm + ".running_var"), {.relu = true});
      set_buffer(norm + ".running_mean", layer.batch_norm.running_mean);
      set_buffer(norm + ".running_var", layer.batch_norm.running_var);
      layer.output = layer.batch_norm.y;
    } else {
      layer.group_norm = reference::group_norm_forward(layer.conv_output, gamma, beta, net_.options_.groups, 1e-5);
      layer.before_activation = residual.given() ? sum(layer.group_norm.y, residual) : layer.group_norm.y;
      layer.output = reference::silu_forward(layer.before_activation);
    }
    return layer;
  }

  LayerGradients backward(const Layer& layer, const Array& d_output) {
    const Array gamma = parameter(layer.norm + ".weight");
    Array d_conv, d_residual;
    if (net_.options_.norm == "batch") {
      const auto& saved = layer.batch_norm;
      auto d =
          reference::batch_norm_backward(d_output, {}, saved.mask, layer.conv_output, saved.mean, saved.inv_std, gamma);
      d_conv = std::move(d.dx);
      d_residual = std::move(d.dz);
      set_gradient(layer.norm + ".weight", d.dgamma);
      set_gradient(layer.norm + ".bias", d.dbeta);
    } else {
      const auto& saved = layer.group_norm;
      d_residual = reference::silu_backward(layer.before_activation, d_output);
      auto d = reference::group_norm_backward(d_residual, layer.conv_output, saved.mean, saved.inv_std, gamma,
                                              net_.options_.groups);
      d_conv = std::move(d.dx);
      set_gradient(layer.norm + ".weight", d.dgamma);
      set_gradient(layer.norm + ".bias", d.dbeta);
    }
    set_gradient(layer.conv + ".weight", reference::conv2d_backward_weights(layer.window, layer.input, d_conv).dw);
    return {.input = reference::conv2d_backward_data(layer.window, d_conv, parameter(layer.conv + ".weight"),
                                                     layer.input.shape),
            .residual = std::move(d_residual)};
  }

  Array parameter(const std::string& name) const {
    const Parameter& p = *net_.layout_.find_parameter(name);
    return cut(replica_.values, p.offset(), p.shape());
  }
  void set_gradient(const std::string& name, const Array& gradient) {
    paste(gradient, net_.layout_.find_parameter(name)->offset(), replica_.gradients);
  }

 private:
  Array buffer(const std::string& name) const {
    const Buffer& b = *net_.layout_.find_buffer(name);
    return cut(replica_.buffers, b.offset(), b.shape());
  }
  void set_buffer(const std::string& name, const Array& value) {
    paste(value, net_.layout_.find_buffer(name)->offset(), replica_.buffers);
  }
  static Array cut(const std::vector<double>& arena, std::int64_t offset, const Shape& shape) {
    const auto first = arena.begin() + offset;
    return {shape, std::vector<double>(first, first + shape.elements())};
  }
  static void paste(const Array& value, std::int64_t offset, std::vector<double>& arena) {
    std::copy(value.values.begin(), value.values.end(), arena.begin() + offset);
  }

  const ReferenceResNet& net_;
  Replica& replica_;
};

ReferenceResNet::ReferenceResNet(const ModelOptions& options, const ParameterSet& layout)
    : options_(options), layout_(layout) {
  const int depth = std::stoi(options.name.substr(options.name.find_last_not_of("0123456789") + 1));
  for (int stage = 0; stage < 3; ++stage) {
    for (int i = 0; i < (depth - 2) / 6; ++i) {
      const bool first = stage > 0 && i == 0;
      blocks_.push_back({.name = fmt::format("layer{}.{}.", stage + 1, i),
                         .stride = first ? 2 : 1,
                         .channels = std::int64_t{16} << stage,
                         .changes_shape = first});
    }
  }
}

double ReferenceResNet::forward_backward(Replica& replica, const Array& images, const Array& labels,
                                         double label_smoothing) const {
  Pass pass(*this, replica);
  const Pass::Layer stem = pass.forward("conv1", "bn1", 1, images, {});
  std::vector<std::pair<Pass::Layer, Pass::Layer>> layers;
  Array x = stem.output;
  for (const Block& b : blocks_) {
    const Array residual = b.changes_shape ? reference::shortcut_forward(b.stride, x, b.channels) : x;
    Pass::Layer first = pass.forward(b.name + "conv1", b.name + "bn1", b.stride, x, {});
    Pass::Layer second = pass.forward(b.name + "conv2", b.name + "bn2", 1, first.output, residual);
    x = second.output;
    layers.emplace_back(std::move(first), std::move(second));
  }
  const Array pooled = reference::global_average_pool_forward(x);
  const Array weight = pass.parameter("linear.weight");
  const auto loss = reference::softmax_cross_entropy(
      reference::linear_forward(pooled, weight, pass.parameter("linear.bias")), labels, label_smoothing);

  const auto linear = reference::linear_backward(pooled, loss.dlogits, weight);
  pass.set_gradient("linear.weight", linear.dw);
  pass.set_gradient("linear.bias", linear.dbias);
  Array dx = reference::global_average_pool_backward(linear.dx, x.shape);
  for (std::size_t i = blocks_.size(); i-- > 0;) {
    const auto& [first, second] = layers[i];
    const Pass::LayerGradients d_second = pass.backward(second, dx);
    const Pass::LayerGradients d_first = pass.backward(first, d_second.input);
    dx = sum(d_first.input, blocks_[i].changes_shape
                                ? reference::shortcut_backward(blocks_[i].stride, d_second.residual, first.input.shape)
                                : d_second.residual);
  }
  pass.backward(stem, dx);
  return loss.loss;
}

}  // namespace drift::sim
