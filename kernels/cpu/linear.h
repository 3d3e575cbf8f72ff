// The linear layer on oneDNN's matmul. With bfloat16 activations dy is rounded to bfloat16 first; products are summed
// in float32 and y, dw stay float32.
#pragma once

#include <map>
#include <tuple>

#include "kernels/cpu/onednn.h"
#include "kernels/cpu/workspace.h"
#include "kernels/op.h"

namespace drift {

class Linears {
 public:
  Linears(Workspace& workspace, int threads) : workspace_(workspace), threads_(threads), stream_(onednn::engine()) {}

  void forward(const LinearForward& args);
  // Everything but dbias.
  void backward(const LinearBackward& args);
  // That backward() cuts.
  static std::size_t workspace_bytes(const LinearBackward& args) { return Workspace::bytes_for(args.dy.bytes()); }

 private:
  struct Plan {
    dnnl::matmul primitive;
    dnnl::memory a, b, bias, c, scratchpad;
    std::unordered_map<int, dnnl::memory> arguments;
  };
  struct Operand {
    TensorView view;
    bool transposed = false;
  };

  Plan make_plan(const Operand& a, const Operand& b, bool has_bias, const TensorView& c);
  // c = a b [+ bias].
  void multiply(const Operand& a, const Operand& b, const TensorView& bias, const TensorView& c);
  // `view` itself, or its bfloat16 copy at `to`.
  TensorView converted(const TensorView& view, DType dtype, std::byte* to);

  Workspace& workspace_;
  int threads_;
  dnnl::stream stream_;
  std::map<std::tuple<std::array<std::int64_t, 3>, DType, DType, bool, bool, bool>, Plan> plans_;
  std::vector<std::byte> scratch_;
};

}  // namespace drift
