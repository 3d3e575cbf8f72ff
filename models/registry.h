// The networks by name. Torchvision's names mean torchvision's networks for ImageNet; the CIFAR ResNets of the paper
// keep their short names (resnet20 ... resnet110), and "cifar-resnetD" is one of any depth D = 6n+2. A Model is a
// module with its parameters.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/nn/module.h"

namespace drift {

struct ModelOptions {
  std::string name = "resnet20";  // see model_names()
  std::string norm = "batch";     // CIFAR ResNets: "batch" (with ReLU) or "group" (with SiLU)
  std::int64_t groups = 8;        // for norm = "group"
  std::int64_t classes = 10;
  bool resnet_v1 = false;           // torchvision's bottlenecks: the stride in the first 1x1 convolution
  bool zero_init_residual = false;  // torchvision's ResNets: every block starts as the identity

  bool operator==(const ModelOptions&) const = default;
};

struct Model {
  ModelOptions options;
  Shape input;  // for one image: [32,32,3], for torchvision's [224,224,3]
  ParameterSet parameters;
  std::unique_ptr<Module> network;  // forward: images T [N,H,W,3] -> logits float32 [N,classes]
};

// Parameters are declared, not yet allocated. Throws kConfig for an unknown name, with the nearest ones, and for an
// option that the network does not take.
std::unique_ptr<Model> make_model(const ModelOptions& options);
std::vector<std::string> model_names();

}  // namespace drift
