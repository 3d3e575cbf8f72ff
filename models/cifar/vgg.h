// VGG-16 without normalisation for 32x32 images, as used for label-noise experiments: 13 convolutions with bias, SiLU
// and average pooling (a smooth loss), one linear layer; all weights N(0, 2/fan_in).
#pragma once

#include <memory>

#include "models/registry.h"

namespace drift {

std::unique_ptr<Module> make_cifar_vgg16(ParameterSet& set, const ModelOptions& options);

}  // namespace drift
