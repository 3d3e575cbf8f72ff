// The tensors of a model as weight files have them: PyTorch's names and layouts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/parameter_set.h"

namespace drift {

// How the file form of a tensor differs from ours. Convolution weights [O,k,k,I] are [O,I,k,k] in the file: O matrices,
// each transposed from [k*k, I]. All else is the same in both.
struct FileTensor {
  const Parameter* parameter = nullptr;  // either this
  const Buffer* buffer = nullptr;        // or that
  std::vector<std::int64_t> file_shape;

  TensorView view() const { return parameter != nullptr ? parameter->value() : buffer->value(); }
  bool is_convolution() const { return parameter != nullptr && parameter->role() == ParameterRole::kConvWeight; }
};

using FileTensors = std::map<std::string_view, FileTensor>;  // by the model's name

// Of a model whose arenas need not be allocated yet.
FileTensors file_tensors_of(const ParameterSet& model);

// What a file calls a tensor without what PyTorch's wrappers put in front, "module." (data parallel) and "_orig_mod."
// (torch.compile), in any order and number.
std::string_view without_wrappers(std::string_view name);
// What other programs call the same tensor of such a network: "fc.weight" for "linear.weight", and the other way round;
// "" where there is no other name.
std::string other_name(std::string_view name);
// Whether it is a count that PyTorch keeps and no model of ours has.
bool is_batch_count(std::string_view name);

}  // namespace drift
