// meta.json of a checkpoint: what it is and what each of its files must be. Its text has one form only, so that its own
// checksum covers every byte.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/checked_file.h"
#include "train/checkpoint/checkpoint.h"

namespace drift {

struct CheckpointContents {
  CheckpointMeta meta;
  std::map<std::string, Digest> files;
};

std::string checkpoint_meta_text(const CheckpointContents& contents);

// `path` goes into messages. Throws kCheckpoint.
CheckpointContents parse_checkpoint_meta(const std::filesystem::path& path, const std::string& text);

// "3f0c...", 16 digits.
std::string checksum_text(const Digest& digest);

}  // namespace drift
