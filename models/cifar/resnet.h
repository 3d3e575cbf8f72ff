// ResNets for 32x32 images (He et al. 2016, section 4.2): a 3x3 convolution, three stages of n basic blocks with 16, 32
// and 64 channels, global average, linear; 6n+2 layers. Shortcuts have no parameters (option A).
#pragma once

#include <memory>

#include "models/registry.h"

namespace drift {

// depth = 6n+2, n >= 1. Throws kConfig for another norm or number of groups than it can have.
std::unique_ptr<Module> make_cifar_resnet(ParameterSet& set, const ModelOptions& options, std::int64_t depth);

}  // namespace drift
