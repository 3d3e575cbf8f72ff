// The table of options: every setting, by the command it belongs to. The rows themselves stand beside the structs they
// set (model.cpp, data.cpp, sync.cpp, ...).
#pragma once

#include "train/config/config.h"
#include "train/config/option.h"

namespace drift {

// In the order of the help text; sections are contiguous, names unique.
const std::vector<Option>& options_of(Scope scope);
// What a command starts from.
const TrainConfig& default_config(Scope scope = Scope::kTrain);
// By name or alias; nullptr if the command has none.
const Option* find_option(std::string_view name, Scope scope = Scope::kTrain);

}  // namespace drift
