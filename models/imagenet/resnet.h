// ResNets for 224x224 images (He et al. 2016) of 18, 34, 50, 101 and 152 layers, in torchvision's form "v1.5": a
// bottleneck halves the image in its 3x3 convolution; with options.resnet_v1 in the 1x1 before it, as in the paper.
// Images of any other size go through as well.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "models/registry.h"

namespace drift {

struct ImageNetResNet {
  std::int64_t depth;
  bool bottlenecks;                    // or basic blocks
  std::array<std::int64_t, 4> blocks;  // per stage
};

inline constexpr ImageNetResNet kImageNetResNets[] = {{18, false, {2, 2, 2, 2}},
                                                      {34, false, {3, 4, 6, 3}},
                                                      {50, true, {3, 4, 6, 3}},
                                                      {101, true, {3, 4, 23, 3}},
                                                      {152, true, {3, 8, 36, 3}}};

std::unique_ptr<Module> make_imagenet_resnet(ParameterSet& set, const ModelOptions& options,
                                             const ImageNetResNet& form);

}  // namespace drift
