// Files of weights in whichever format: read by what they contain, written by what their names end in.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/checked_file.h"
#include "train/checkpoint/tensor_file.h"

namespace drift {

// A checkpoint of torch.save() or a safetensors file. Throws kCheckpoint; of a file that is neither it says what to do.
TensorFile read_tensors(const std::filesystem::path& path);

// Throws kUsage unless the name ends in .safetensors, .pt or .pth.
void check_weight_ending(const std::filesystem::path& path);

struct Converted {
  std::size_t tensors = 0, elements = 0;
};

// Writes what the reader gave into the format that `path` ends in, complete or not at all: the tensors in float32,
// under their names without the prefixes of PyTorch's wrappers, and without counts of batches.
Converted write_converted(const TensorFile& from, const std::filesystem::path& path);

}  // namespace drift
