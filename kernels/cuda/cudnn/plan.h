// Plan: one operation graph with the engine that cuDNN will run for it. Plans come either from a handle, for its
// device, or from a description of a device that need not be there; everything after that is the same. Only plan.cpp
// and frontend_graph.cpp see cudnn-frontend.
#pragma once

#include <cudnn.h>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "kernels/backend.h"
#include "kernels/cuda/cudnn/graph.h"
#include "kernels/cuda/cudnn/plan_info.h"

namespace cudnn_frontend {
class DeviceProperties;
}

namespace drift {

// What plans are made for: `properties` if given, else the handle's device. Plans keep the handle they came from.
struct PlanTarget {
  std::shared_ptr<cudnnContext> handle;
  std::shared_ptr<const cudnn_frontend::DeviceProperties> properties;
  std::string device;    // "NVIDIA H100 80GB HBM3, sm_90"
  int architecture = 0;  // 90 for sm_90
  std::int64_t multiprocessors = 0;
  Device place{};      // where the handle works
  bool timed = false;  // engines of convolutions are chosen by running them there
};

// How many multiprocessors a batch norm of cuDNN may use; 0: all, where nobody else needs any. Throws kConfig where too
// few would be left.
std::int64_t batch_norm_multiprocessors(const PlanTarget& target, const BackendOptions& options);

// The target that a JSON file of device properties describes, as cuDNN itself writes them.
PlanTarget read_plan_target(const std::filesystem::path& file);

struct Binding {
  Operand operand;
  const void* data;  // device memory; host memory for by-value operands
};

class Plan {
 public:
  virtual ~Plan() = default;
  const PlanInfo& info() const { return info_; }
  // Enqueues it on the handle's stream. Several threads may call it, each with its own handle and workspace.
  virtual void execute(cudnnHandle_t handle, std::span<const Binding> bindings, void* workspace) const = 0;

 protected:
  PlanInfo info_;
};

// Of the engines that cuDNN's heuristics list, that are deterministic and that keep the precision asked for: the one
// named by `pinned` if that is not empty; for a convolution on a target that is `timed`, the fastest there; else the
// first that can be built. Throws kDevice when there is none.
std::unique_ptr<Plan> build_plan(const GraphRequest& request, const PlanTarget& target, const std::string& pinned);

}  // namespace drift
