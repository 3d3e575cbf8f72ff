// Batch and group normalisation on the CPU: one pass of column sums, a little work per channel in double, one map.
#pragma once

#include "kernels/cpu/workspace.h"
#include "kernels/op.h"

namespace drift {

class Normalisations {
 public:
  Normalisations(Workspace& workspace, int threads) : workspace_(workspace), threads_(threads) {}

  void forward(const BatchNormForward& args);
  void inference(const BatchNormInference& args);
  void backward(const BatchNormBackward& args);
  void forward(const GroupNormForward& args);
  void backward(const GroupNormBackward& args);

  // Floats that the above cut.
  static std::int64_t workspace_floats(const BatchNormForward& args);
  static std::int64_t workspace_floats(const BatchNormInference& args);
  static std::int64_t workspace_floats(const BatchNormBackward& args);
  static std::int64_t workspace_floats(const GroupNormForward& args);
  static std::int64_t workspace_floats(const GroupNormBackward& args);

 private:
  Workspace& workspace_;
  int threads_;
};

}  // namespace drift
