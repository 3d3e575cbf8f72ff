// A CIFAR ResNet (He et al. 2016, section 4.2) in double precision and plain loops, forward and backward: no tape, no
// tensors, no arenas shared with the engine. A replica is four vectors laid out like the engine's arenas, so that the
// two can be compared.
#pragma once

#include <string>
#include <vector>

#include "models/registry.h"
#include "tests/reference/array.h"

namespace drift::sim {

struct Replica {
  std::vector<double> values, gradients, momentum, buffers;
  std::vector<double> round_start = {}, outer_momentum = {};
  std::vector<double> sent = {};  // behind an earlier step: what this worker gave to an average
};

class ReferenceResNet {
 public:
  // `layout` says where in the vectors each parameter and buffer lies; it must outlive the net.
  ReferenceResNet(const ModelOptions& options, const ParameterSet& layout);

  // The mean loss; fills the gradients and moves the running statistics. images [N,H,W,3], labels [N].
  double forward_backward(Replica& replica, const reference::Array& images, const reference::Array& labels,
                          double label_smoothing) const;

 private:
  struct Block {
    std::string name;  // "layer2.0."
    std::int64_t stride, channels;
    bool changes_shape;
  };
  ModelOptions options_;
  const ParameterSet& layout_;
  std::vector<Block> blocks_;

  class Pass;
};

}  // namespace drift::sim
