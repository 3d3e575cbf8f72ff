// The plan file: which engine runs each operation on one device under one cuDNN, as JSON that a person can read and
// edit. It makes a later run use the same kernels, hence the same bits; it is no cache of compiled code.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "kernels/cuda/cudnn/plan_info.h"

namespace drift {

// By key_of() of the request; build_ms is not kept.
using PlanEntries = std::map<std::string, PlanInfo>;

// No entries where there is no file yet. Throws kConfig for a file that cannot be read, that is for another device or
// another cuDNN, or whose folder is missing.
PlanEntries read_plan_file(const std::filesystem::path& file, const std::string& device);

// Written aside and renamed: a reader sees the old file or the new one.
void write_plan_file(const std::filesystem::path& file, const std::string& device, const PlanEntries& entries);

}  // namespace drift
