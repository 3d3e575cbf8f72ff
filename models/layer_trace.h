// The rows of `drift describe`, read off a dry run: the network computes one image on a backend that runs nothing and
// writes down each operation with the layer whose span it is in. One row per op that makes an output, so that outputs
// add up to the activation memory of a forward pass.
#pragma once

#include <string>
#include <vector>

#include "models/registry.h"

namespace drift {

struct LayerInfo {
  std::string name;  // "layer1.0.conv1"
  std::string kind;  // "conv 3x3/1"
  Shape output;      // for one image: [H,W,C] or [C]
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;  // for one image, convolutions and linear layers
};

// In the order of computation. Throws what make_model() throws.
std::vector<LayerInfo> trace_layers(const ModelOptions& options);

}  // namespace drift
