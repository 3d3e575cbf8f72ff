// Command lines of small runs.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace drift::testing {

using Flags = std::map<std::string, std::string>;  // with their values; "": takes none

// These, and of the others those that are not among them.
inline std::vector<std::string> train_with(Flags flags, const Flags& others) {
  flags.insert(others.begin(), others.end());
  std::vector<std::string> arguments = {"train"};
  for (const auto& [flag, value] : flags) {
    arguments.push_back(flag);
    if (!value.empty()) arguments.push_back(value);
  }
  return arguments;
}

// The smallest run of two workers.
struct TinyRun {
  const char* steps = "12";
  const char* data = "shapes:40:20";
};

inline std::vector<std::string> train_into(const std::filesystem::path& out, const std::vector<std::string>& more = {},
                                           const TinyRun& run = {}) {
  std::vector<std::string> arguments = {
      "train",     "--model", "cifar-resnet8", "--data",       run.data,    "--steps", run.steps, "--local-batch", "4",
      "--workers", "2",       "--bn-stats",    "reestimate:2", "--threads", "1",       "--out",   out.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace drift::testing
