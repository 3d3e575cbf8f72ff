// PyTorch's checkpoints, the zip files that torch.save() writes: data.pkl, a pickle of the values, in which tensors are
// calls that name a storage, and an entry data/KEY for each storage. The state dict may lie below 'state_dict' or
// 'model'; what stands beside it is passed over. Nothing in a file is believed or executed (core/pickle.h,
// zip_archive.h): every place and stride is checked against the storage's bytes, and every finding is kCheckpoint.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "core/checked_file.h"
#include "train/checkpoint/tensor_file.h"

namespace drift {

// Whether a file that begins so is a zip archive, and so is to be read as one of torch.save().
bool begins_like_torch_file(std::string_view beginning);

// Whether it is one of before PyTorch 1.6, which are not read.
bool begins_like_legacy_torch_file(std::string_view beginning);

// Its metadata are the texts among the attributes of the state dict.
TensorFile read_torch_file(const std::filesystem::path& path);

// Writes them as an ordered dict of float32 tensors; the caller finishes the file. Names must differ. metadata: texts
// that become attributes of the dict.
void write_torch_file(OutputFile& file, std::span<const NamedTensor> tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace drift
