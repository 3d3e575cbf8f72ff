// Convolution on oneDNN: NHWC activations, weights brought into the primitive's own layout before each use (they change
// every step), weight gradients brought back. One plan per shape, type and direction, made at first use.
#pragma once

#include <map>
#include <tuple>

#include "kernels/cpu/onednn.h"
#include "kernels/cpu/workspace.h"
#include "kernels/op.h"

namespace drift {

class DirectConvolutions {
 public:
  explicit DirectConvolutions(Workspace& workspace) : workspace_(workspace), stream_(onednn::engine()) {}

  void forward(const Conv2dForward& args);
  void backward_data(const Conv2dBackwardData& args);
  void backward_weights(const Conv2dBackwardWeights& args);

 private:
  enum class Direction { kForward, kBackwardData, kBackwardWeights };

  // A primitive with its arguments; `weights` is in the primitive's layout, `arena_weights` in ours.
  struct Plan {
    dnnl::primitive primitive;
    dnnl::memory input, output, weights, arena_weights, bias, scratchpad;  // output: also the incoming gradient
    dnnl::reorder reorder;
    bool reorders = false;
    std::unordered_map<int, dnnl::memory> arguments;
  };
  using Key = std::tuple<Direction, DType, std::array<std::int64_t, 4>, std::array<std::int64_t, 4>,
                         std::array<std::int64_t, 3>, bool>;

  // x: the input or its gradient, y: the output or its gradient.
  Plan& plan(Direction direction, const Window& window, const TensorView& x, const TensorView& w, const TensorView& y,
             const TensorView& bias);
  void run(Direction direction, const Window& window, const TensorView& x, const TensorView& w, const TensorView& y,
           const TensorView& bias);

  Workspace& workspace_;
  dnnl::stream stream_;
  std::map<Key, Plan> plans_;
};

}  // namespace drift
