// Which network the weights in a file are of: told by the names and shapes of its tensors and, for what these leave
// open, by what we write into the file's metadata.
#pragma once

#include <map>
#include <string>

#include "models/registry.h"
#include "train/checkpoint/tensor_file.h"

namespace drift {

// Every option, for the file's metadata: {"drift.model": "resnet20", "drift.norm": "group", "drift.groups": "8", ...}.
std::map<std::string, std::string> model_metadata(const ModelOptions& options);

// For whoever asked for `asked`, which does not fit: "It holds resnet20 with ...: give --norm group --classes 100", or
// "" where it is no network of ours.
std::string model_hint(const TensorFile& file, const ModelOptions& asked);

// Throws kCheckpoint where tensors fit a model of these options, and yet the file says that it is of others.
void check_metadata(const TensorFile& file, const ModelOptions& options);

}  // namespace drift
