// What this binary was built from and with, for --version, `drift doctor` and every run's env.json. Fixed when CMake
// configured.
#pragma once

#include <string_view>

namespace drift {

struct BuildInfo {
  std::string_view version;     // "0.1.0"
  std::string_view git;         // `git describe --always --tags --dirty`, or "unknown" outside a repository
  std::string_view compiler;    // "GNU 12.2.0"
  std::string_view build_type;  // "Release"
  std::string_view arch;        // -march
  std::string_view sanitizers;  // or ""
  std::string_view onednn;      // version linked
  std::string_view cli11, tomlplusplus, nlohmann_json, spdlog, fmt;
  bool cuda = false, nccl = false, mpi = false;  // false: the missing/ twin is linked
  std::string_view cuda_toolkit, cudnn;          // versions built with, or ""
};

const BuildInfo& build_info();

}  // namespace drift
