// The operations this project asks of cuDNN, as plain values: everything that decides about a plan and nothing else, so
// that equal requests share one plan. graph.cpp says which request an operation makes; frontend_graph.cpp turns a
// request into cuDNN's operation graph.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "kernels/op.h"

namespace drift {

// Shapes are ours: images [N,H,W,C], weights [O,k,k,I]. dtype is the type of x and y, and of the weights that are read;
// bias and dw are float32.
struct ConvolutionGraph {
  enum class Kind : std::uint8_t { kForward, kBackwardData, kBackwardWeights };
  Kind kind = Kind::kForward;
  Window window;
  Shape x, w, y;
  DType dtype = DType::kFloat32;
  bool bias = false;
  bool addend = false;  // kBackwardData: dx + another gradient of x
  bool tf32 = false;    // float32 factors may be rounded to TF32
};

struct BatchNormForwardGraph {
  Shape x;
  DType dtype = DType::kFloat32;
  bool residual = false, relu = false, running = false;  // adds z; clips and writes the mask; moves running statistics
  std::int64_t multiprocessors = 0;                      // that it may use; 0: all
};

struct BatchNormBackwardGraph {
  Shape x;
  DType dtype = DType::kFloat32;
  bool mask = false, gradient_out = false;  // multiplies by the mask; writes dz
  std::int64_t multiprocessors = 0;         // that it may use; 0: all
};

using GraphRequest = std::variant<ConvolutionGraph, BatchNormForwardGraph, BatchNormBackwardGraph>;

// What an operation asks for. A bfloat16 convolution whose weight gradient cuDNN cannot write in float32 (it needs
// channels in multiples of 4) asks for the float32 one: its operands are widened first. TF32 holds every bfloat16, so
// the products stay exact either way.
ConvolutionGraph graph_of(const Conv2dForward& args, bool tf32);
ConvolutionGraph graph_of(const Conv2dBackwardData& args, bool tf32);
ConvolutionGraph graph_of(const Conv2dBackwardWeights& args, bool tf32);
BatchNormForwardGraph graph_of(const BatchNormForward& args, std::int64_t multiprocessors);
BatchNormBackwardGraph graph_of(const BatchNormBackward& args, std::int64_t multiprocessors);

// cuDNN's batch norm wants channels in multiples of 8 (so that the mask's rows are whole bytes too), adds a residual
// only in front of a ReLU and writes dz only with a mask. dy2 is added to dz before; where there is no dz, the sum
// would have to be rounded, which kernels/op.h does not allow.
bool cudnn_supports(const BatchNormForward& args);
bool cudnn_supports(const BatchNormBackward& args);

// "conv2d_forward bf16 nhwc x [128,32,32,16] w [16,3,3,16] stride 1 pad 1": names a plan in messages and plan files.
std::string key_of(const GraphRequest& request);

// The tensors of a graph by number.
enum class Operand : std::int64_t {
  kX = 1,
  kW,
  kBias,
  kY,
  kZ,
  kGamma,
  kBeta,
  kMean,
  kInvStd,
  kRunningMean,
  kRunningVar,
  kNewRunningMean,
  kNewRunningVar,
  kEpsilon,   // by value: a float on the host
  kMomentum,  // likewise
  kMask,
  kDy,
  kDz,
  kDx,
  kDw,
  kDgamma,
  kDbeta,
  kAddend,
};

}  // namespace drift
