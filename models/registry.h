// The networks by name: "resnetD" is the CIFAR ResNet of depth D = 6n+2, except that "resnet50" is the one for
// ImageNet; there is no CIFAR ResNet of depth 50. A Model is a module with its parameters and what a user wants to know
// before running it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/nn/module.h"

namespace drift {

struct ModelOptions {
  std::string name = "resnet20";  // see model_names()
  std::string norm = "batch";     // CIFAR ResNets: "batch" (with ReLU) or "group" (with SiLU)
  std::int64_t groups = 8;        // for norm = "group"
  std::int64_t classes = 10;

  bool operator==(const ModelOptions&) const = default;
};

// One row of `drift describe`.
struct LayerInfo {
  std::string name;  // "layer1.0.conv1"
  std::string kind;  // "conv 3x3/1"
  Shape output;      // for one image: [H,W,C] or [C]
  std::int64_t parameters = 0;
  std::int64_t multiply_adds = 0;  // for one image, convolutions and linear layers
};

struct Model {
  ModelOptions options;
  Shape input;  // for one image: [32,32,3], for resnet50 [224,224,3]
  ParameterSet parameters;
  std::unique_ptr<Module> network;  // forward: images T [N,H,W,3] -> logits float32 [N,classes]
  std::vector<LayerInfo> layers;
};

// Parameters are declared, not yet allocated. Throws kConfig for an unknown name, with the nearest ones.
std::unique_ptr<Model> make_model(const ModelOptions& options);
std::vector<std::string> model_names();

}  // namespace drift
