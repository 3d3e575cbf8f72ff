// The smallest run of two workers, as arguments.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace drift::testing {

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
