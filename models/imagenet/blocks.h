// The two residual blocks of torchvision's ResNets for ImageNet (He et al. 2016, figure 5). Shortcuts that change the
// shape are a 1x1 convolution with batch norm.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/nn/module.h"

namespace drift {

struct ImageNetBlock {
  bool bottleneck = false;          // 1x1, 3x3, 1x1 with 4 times the channels; else two 3x3
  bool v1 = false;                  // a bottleneck's stride lies in its first 1x1 convolution, not in the 3x3
  bool starts_as_identity = false;  // its last gamma starts at 0
  std::int64_t in_channels = 0;
  std::int64_t width = 0;  // channels of its 3x3 convolutions
  std::int64_t stride = 1;

  std::int64_t out_channels() const { return bottleneck ? 4 * width : width; }
  bool changes_shape() const { return stride != 1 || in_channels != out_channels(); }
};

std::unique_ptr<Module> make_imagenet_block(ParameterSet& set, const std::string& name, const ImageNetBlock& block);

}  // namespace drift
