// A model small enough to damage each of its bytes: a convolution with batch norm and a linear layer, on the CPU,
// filled with distinct values.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "models/registry.h"

namespace drift::testing {

struct TinyModel {
  std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::unique_ptr<Backend> backend = make_backend(*stream);
  Model model{.options = {.name = "tiny", .classes = 2}, .input = {}, .parameters = {}, .network = {}};
  ParameterSet& set = model.parameters;

  explicit TinyModel(std::int64_t channels = 3) {
    set.add_parameter("conv.weight", {channels, 3, 3, 2}, ParameterRole::kConvWeight, {});
    set.add_parameter("bn.weight", {channels}, ParameterRole::kNormScale, {});
    set.add_parameter("bn.bias", {channels}, ParameterRole::kNormShift, {});
    set.add_buffer("bn.running_mean", {channels}, 0);
    set.add_buffer("bn.running_var", {channels}, 1);
    set.add_parameter("fc.weight", {2, channels}, ParameterRole::kLinearWeight, {});
    set.allocate(*backend);
  }

  // Every parameter and buffer element becomes first, first + 1, ... in the order of its tensor's own layout.
  void fill(float first) {
    for (const Parameter* parameter : set.parameters()) first = fill(parameter->value(), first);
    for (const Buffer* buffer : set.buffer_list()) first = fill(buffer->value(), first);
  }

  // Values and buffers, without the arenas' padding.
  std::vector<float> contents() const {
    std::vector<float> all;
    const auto append = [&](const TensorView& view) {
      all.insert(all.end(), view.as<float>(), view.as<float>() + view.elements());
    };
    for (const Parameter* parameter : set.parameters()) append(parameter->value());
    for (const Buffer* buffer : set.buffer_list()) append(buffer->value());
    return all;
  }

 private:
  static float fill(const TensorView& view, float first) {
    for (float& value : std::span(view.as<float>(), static_cast<std::size_t>(view.elements()))) value = first++;
    return first;
  }
};

}  // namespace drift::testing
