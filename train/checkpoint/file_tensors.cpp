#include "train/checkpoint/file_tensors.h"

namespace drift {

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

std::string_view model_name(std::string_view file_name) {
  for (const std::string_view prefix : {"module.", "_orig_mod."}) {
    if (file_name.starts_with(prefix)) return model_name(file_name.substr(prefix.size()));
  }
  return file_name;
}

bool is_batch_count(std::string_view name) {
  return name.ends_with("num_batches_tracked");
}

}  // namespace drift
