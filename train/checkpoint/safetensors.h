// The safetensors format, read and written: 8 bytes little-endian header length, a JSON header {name: {dtype, shape,
// data_offsets}}, then the data, without holes. Files come from anywhere, so nothing in one is believed: every size and
// offset is checked before it is used, and every finding is kCheckpoint naming file, tensor and expectation.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>

#include "core/checked_file.h"
#include "train/checkpoint/tensor_file.h"

namespace drift {

// Reads and checks the whole file. Its entries are in the order of their data; its metadata are the texts of the
// header's __metadata__.
TensorFile read_safetensors(const std::filesystem::path& path);

// Writes them in the order given; the caller finishes the file. Names must differ. metadata: more of it than the
// format's name.
void write_safetensors(OutputFile& file, std::span<const NamedTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace drift
