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

  // Conv: forward, backward data or backward weights. Throws kDevice where oneDNN has none.
  template <class Conv>
  void run(const Conv& op) {
    compute(Convolution(op));
  }
  // Bytes of workspace that run() cuts; makes its plan.
  template <class Conv>
  std::size_t workspace_bytes(const Conv& op) {
    return plan(Convolution(op)).workspace_bytes();
  }

 private:
  enum class Direction { kForward, kBackwardData, kBackwardWeights };

  // A primitive with its arguments; `weights` is in the primitive's layout, `arena_weights` in ours.
  struct Plan {
    dnnl::primitive primitive;
    dnnl::memory input, output, weights, arena_weights, bias, scratchpad;  // output: also the incoming gradient
    dnnl::reorder reorder;
    bool reorders = false;
    std::unordered_map<int, dnnl::memory> arguments;

    std::size_t layout_bytes() const { return reorders ? weights.get_desc().get_size() : 0; }
    std::size_t scratch_bytes() const { return scratchpad.get_desc().get_size(); }
    std::size_t workspace_bytes() const { return Workspace::bytes_for(layout_bytes(), scratch_bytes()); }
  };
  using Key = std::tuple<Direction, DType, std::array<std::int64_t, 4>, std::array<std::int64_t, 4>,
                         std::array<std::int64_t, 3>, bool>;

  struct Convolution {
    Direction direction;
    Window window;
    TensorView x, w, y, bias;  // x: the input or its gradient, y: the output or its gradient

    explicit Convolution(const Conv2dForward& op)
        : direction(Direction::kForward), window(op.window), x(op.x), w(op.w), y(op.y), bias(op.bias) {}
    explicit Convolution(const Conv2dBackwardData& op)
        : direction(Direction::kBackwardData), window(op.window), x(op.dx), w(op.w), y(op.dy) {}
    explicit Convolution(const Conv2dBackwardWeights& op)
        : direction(Direction::kBackwardWeights), window(op.window), x(op.x), w(op.dw), y(op.dy), bias(op.dbias) {}
    std::string text() const;
  };

  Plan& plan(const Convolution& c);
  Plan make_plan(const Convolution& c) const;
  void compute(const Convolution& c);

  Workspace& workspace_;
  dnnl::stream stream_;
  std::map<Key, Plan> plans_;
};

}  // namespace drift
