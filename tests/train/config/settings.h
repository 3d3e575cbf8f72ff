// Settings as a command line gives them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/config/resolve.h"

namespace drift::testing {

inline SettingLayer command_line(std::vector<std::pair<std::string, std::string>> settings) {
  SettingLayer layer{.origin = "command line", .kind = ErrorKind::kUsage, .settings = {}};
  for (auto& [name, text] : settings) layer.settings.push_back({name, text, "--" + name});
  return layer;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace drift::testing
