// ResNet-50 for 224x224 images (He et al. 2016), in torchvision's form "v1.5": a bottleneck halves the image in its 3x3
// convolution, not in the 1x1 before it. Shortcuts that change the shape are a 1x1 convolution with batch norm. Images
// of another size go through as well.
#pragma once

#include <memory>

#include "models/registry.h"

namespace drift {

std::unique_ptr<Module> make_resnet50(ParameterSet& set, const ModelOptions& options);

}  // namespace drift
