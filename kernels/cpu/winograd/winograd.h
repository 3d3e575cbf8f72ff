// Convolutions of 3x3 windows with stride 1 by Winograd's F(4x4, 3x3), on CPUs with AVX-512: activations float32 or
// bfloat16, multiplied in float32. The same bits for any number of threads. Error: docs/numerics.md.
#pragma once

#include "kernels/cpu/workspace.h"
#include "kernels/op.h"

namespace drift {

class WinogradConvolutions {
 public:
  WinogradConvolutions(Workspace& workspace, int threads) : workspace_(workspace), threads_(threads) {}

  // Whether this CPU has the instructions.
  static bool available(DType dtype);
  // Whether a convolution has the shape: a window of 3 with stride 1 and a border of 1, channels in multiples of 16,
  // images of 4x4 pixels or more. x [N,H,W,I], w [O,3,3,I].
  static bool covers(const Window& window, const Shape& x, const Shape& w);

  // Tiles of 4x4 outputs, whole or partial, of images [N,H,W,C].
  static std::int64_t tiles(const Shape& x);

  void run(const Conv2dForward& args);
  void run(const Conv2dBackwardData& args);
  void run(const Conv2dBackwardWeights& args);

  // Floats of workspace that run() cuts.
  std::int64_t workspace_floats(const Conv2dForward& args) const;
  std::int64_t workspace_floats(const Conv2dBackwardData& args) const;
  std::int64_t workspace_floats(const Conv2dBackwardWeights& args) const;

 private:
  struct Convolution;
  struct Parts;
  Parts parts_of(const Convolution& c) const;
  void convolve(const Convolution& c);
  void finish_sums(const float* sums, std::int64_t blocks, const Convolution& c);

  Workspace& workspace_;
  int threads_;
};

}  // namespace drift
