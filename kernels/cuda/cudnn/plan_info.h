// What is said of a plan, and kept in plan files; apart from plan.h, so that those can be read without cuDNN.
#pragma once

#include <cstdint>
#include <string>

namespace drift {

struct PlanInfo {
  std::string engine;  // engine number and knobs, "eng8_k24=19": enough to build the same plan again
  std::int64_t workspace_bytes = 0;
  std::string notes;  // numerical and behaviour notes, "TENSOR_CORE RUNTIME_COMPILATION"
  double build_ms = 0;
  std::int64_t tried = 0;  // engines that were run to find this one
  double device_ms = 0;    // which then took so long
};

// "9.19.0", of the cuDNN that is linked.
std::string cudnn_version();

}  // namespace drift
