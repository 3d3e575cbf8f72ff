// A model's weights as a file that PyTorch programs read and write: its names, its layouts ([O,I,k,k] for
// convolutions), parameters and running statistics. The arenas may lie on any device: all goes through the backend.
#pragma once

#include <filesystem>

#include "core/checked_file.h"
#include "kernels/backend.h"
#include "models/registry.h"

namespace drift {

// As safetensors, written aside, then renamed, with the model's options as metadata. The second form writes into a file
// that the caller finishes.
void write_weights(const std::filesystem::path& path, const Model& model, Backend& backend);
void write_weights(OutputFile& file, const Model& model, Backend& backend);

// Of a safetensors file or a checkpoint of PyTorch's. Ignores "*.num_batches_tracked" and the prefixes of PyTorch's
// wrappers; any other missing, unknown or wrongly shaped tensor is kCheckpoint with all of them and, where the file is
// of another network of ours, the flags of that. So are options that the file's metadata contradict. Then the model is
// as before.
void read_weights(const std::filesystem::path& path, const Model& model, Backend& backend);

}  // namespace drift
