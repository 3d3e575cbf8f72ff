// What a training step needs of a device's memory, found by a dry run.
#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "models/registry.h"

namespace drift {

// Bytes. Workers that take turns on a lane (train/lanes.h) each have a state and a batch, and share the rest.
struct StepMemory {
  std::int64_t state = 0;        // of a replica: values, gradients, momentum, running statistics
  std::int64_t batch = 0;        // of a worker: the images that it computes on, and those that are prepared meanwhile
  std::int64_t activations = 0;  // of a lane: all that backward needs, and what is in between
  std::int64_t workspace = 0;    // of a lane: scratch memory of the largest operation; 0: not known here

  std::int64_t of(std::int64_t workers, std::int64_t lanes) const {
    return workers * (state + batch) + lanes * (activations + workspace);
  }
};

struct StepSetting {
  ModelOptions model;
  std::int64_t batch = 1;
  Shape image = {};  // [H,W,3]; none: the network's own
  DType precision = DType::kFloat32;
  DeviceType device = DeviceType::kCpu;
  bool images_travel = true;                                  // on a GPU: step by step; else all of them lie there
  ConvolutionChoice convolutions = ConvolutionChoice::kAuto;  // on a CPU
  int threads = 1;                                            // of a lane, on a CPU
};

// Takes addresses, no memory to speak of. Throws what make_model() throws.
StepMemory step_memory(const StepSetting& setting);

}  // namespace drift
