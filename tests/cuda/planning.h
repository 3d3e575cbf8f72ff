// What plan tests share: the described devices, and a record of the plans that were built.
#pragma once

#include <cuda_runtime_api.h>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <string>
#include <vector>

#include "kernels/cuda.h"

namespace drift::testing {

// The architectures that plans can be made for: NVRTC, which compiles their kernels, knows Blackwell from 12.8 on.
inline std::vector<int> planned_architectures() {
  if (CUDART_VERSION < 12080) return {80, 90};
  return {80, 90, 100};
}

// The device properties of sm_80, sm_90 or sm_100.
inline std::filesystem::path device_properties(int sm) {
  return std::filesystem::path(DRIFT_PROPERTIES_DIRECTORY) / fmt::format("sm{}.json", sm);
}

// What explain_plan was told: key -> the rest of the line. The plan cache calls it from one thread at a time.
class Explanations {
 public:
  BackendOptions options(std::string plan_file = {}) {
    return {.plan_file = std::move(plan_file),
            .explain_plan =
                [this](std::string_view line) {
                  const std::size_t end = line.find(": ");
                  const std::string key(line.substr(0, end));
                  if (!plans_.emplace(key, line.substr(end + 2)).second) twice_.push_back(key);
                },
            .batch_norm = BatchNormKernels::kCudnn};
  }
  const std::map<std::string, std::string>& plans() const { return plans_; }
  const std::vector<std::string>& twice() const { return twice_; }  // keys that were built more than once

 private:
  std::map<std::string, std::string> plans_;
  std::vector<std::string> twice_;
};

}  // namespace drift::testing
