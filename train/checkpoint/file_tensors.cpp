#include "train/checkpoint/file_tensors.h"

#include <utility>

namespace drift {
namespace {

// Layers that have two names. The paper's ResNets for CIFAR and akamaster's end in "linear", torchvision's and others
// in "fc"; all else is called the same.
constexpr std::pair<std::string_view, std::string_view> kLayers[] = {{"linear.", "fc."}};

}  // namespace

FileTensors file_tensors_of(const ParameterSet& model) {
  FileTensors tensors;
  for (const Parameter* parameter : model.parameters()) {
    FileTensor& tensor = tensors[parameter->name()];
    tensor.parameter = parameter;
    const Shape& shape = parameter->shape();
    if (tensor.is_convolution()) {
      tensor.file_shape = {shape[0], shape[3], shape[1], shape[2]};
    } else {
      for (int axis = 0; axis < shape.rank(); ++axis) tensor.file_shape.push_back(shape[axis]);
    }
  }
  for (const Buffer* buffer : model.buffer_list()) {
    tensors[buffer->name()] = {.parameter = nullptr, .buffer = buffer, .file_shape = {buffer->shape()[0]}};
  }
  return tensors;
}

std::string_view without_wrappers(std::string_view name) {
  for (bool found = true; found;) {
    found = false;
    for (const std::string_view prefix : {"module.", "_orig_mod."}) {
      if (!name.starts_with(prefix)) continue;
      name.remove_prefix(prefix.size());
      found = true;
    }
  }
  return name;
}

std::string other_name(std::string_view name) {
  for (const auto& [ours, theirs] : kLayers) {
    for (const auto& [from, to] : {std::pair(ours, theirs), std::pair(theirs, ours)}) {
      if (name.starts_with(from)) return std::string(to) + std::string(name.substr(from.size()));
    }
  }
  return "";
}

bool is_batch_count(std::string_view name) {
  return name.ends_with("num_batches_tracked");
}

}  // namespace drift
