// A model's weights as a safetensors file that PyTorch programs read and write: its names, its layouts ([O,I,k,k] for
// convolutions), parameters and running statistics. The arenas may lie on any device: all goes through the backend.
#pragma once

#include <filesystem>

#include "core/checked_file.h"
#include "engine/parameter_set.h"
#include "kernels/backend.h"

namespace drift {

// Written aside, then renamed. The second form writes into a file that the caller finishes.
void write_weights(const std::filesystem::path& path, const ParameterSet& model, Backend& backend);
void write_weights(OutputFile& file, const ParameterSet& model, Backend& backend);

// Ignores "*.num_batches_tracked" and an optional "module." prefix; any other missing, unknown or wrongly shaped tensor
// is kCheckpoint with the first few of them, and the model is as before.
void read_weights(const std::filesystem::path& path, const ParameterSet& model, Backend& backend);

}  // namespace drift
