// The CPU backend: our Winograd convolutions or oneDNN's direct ones, oneDNN for matmul, the formulas of kernels/math
// through the CPU launchers for everything else.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/normalisation.h"
#include "kernels/cpu/workspace.h"

namespace drift {

class CpuBackend final : public Backend {
 public:
  CpuBackend(Stream& stream, const BackendOptions& options);

  Stream& stream() override { return stream_; }
  void run(const Op& op) override;
  bool normalises_input(const Conv2dForward& op) const override { return convolutions_.normalises_input(op); }
  std::int64_t workspace_bytes(const Op& op) override;
  // What the largest operation so far took of it.
  std::int64_t largest_workspace() const { return static_cast<std::int64_t>(workspace_.largest()); }

 private:
  void run_now(const Copy& op);
  void run_now(const Upload& op);
  void run_now(const Download& op);
  void run_now(const DownloadAsync& op);

  void run_now(const Conv2dForward& op) { convolutions_.run(op); }
  void run_now(const Conv2dBackwardData& op) { convolutions_.run(op); }
  void run_now(const Conv2dBackwardWeights& op) { convolutions_.run(op); }
  void run_now(const LinearForward& op) { linears_.forward(op); }
  void run_now(const LinearBackward& op);
  void run_now(const BatchNormForward& op) { normalisations_.forward(op); }
  void run_now(const BatchNormInference& op) { normalisations_.inference(op); }
  void run_now(const BatchNormBackward& op) { normalisations_.backward(op); }
  void run_now(const GroupNormForward& op) { normalisations_.forward(op); }
  void run_now(const GroupNormBackward& op) { normalisations_.backward(op); }

  // own_kernels.cpp: the maps and sums of kernels/math.
  void run_now(const Fill& op);
  void run_now(const Cast& op);
  void run_now(const ActivationForward& op);
  void run_now(const ActivationBackward& op);
  void run_now(const Add& op);
  void run_now(const ShortcutForward& op);
  void run_now(const ShortcutBackward& op);
  void run_now(const PoolForward& op);
  void run_now(const PoolBackward& op);
  void run_now(const GlobalAveragePoolForward& op);
  void run_now(const GlobalAveragePoolBackward& op);
  void run_now(const SoftmaxCrossEntropy& op);
  void run_now(const ClipScale& op);
  void run_now(const SgdUpdate& op);
  void run_now(const OuterUpdate& op);
  void run_now(const Compress& op);
  void run_now(const Average& op);
  template <class T>
  void average_rounded_to(const Average& op);
  void run_now(const CountNonFinite& op);
  void run_now(const SquaredDistance& op);
  void run_now(const Augment& op);
  void run_now(const Stamp& op);
  template <class Terms>
  double sum_of_values(const Terms& terms, std::span<const float> values);

  // What run_now cuts.
  std::size_t workspace_of(const Conv2dForward& op) { return convolutions_.workspace_bytes(op); }
  std::size_t workspace_of(const Conv2dBackwardData& op) { return convolutions_.workspace_bytes(op); }
  std::size_t workspace_of(const Conv2dBackwardWeights& op) { return convolutions_.workspace_bytes(op); }
  std::size_t workspace_of(const LinearBackward& op) const;
  std::size_t workspace_of(const GlobalAveragePoolForward& op) const;
  std::size_t workspace_of(const SoftmaxCrossEntropy& op) const;
  std::size_t workspace_of(const ClipScale& op) const;
  std::size_t workspace_of(const CountNonFinite& op) const;
  std::size_t workspace_of(const SquaredDistance& op) const;
  template <class Other>
  std::size_t workspace_of(const Other& op) const {
    if constexpr (requires { Normalisations::workspace_floats(op); }) {
      return Workspace::bytes_of_floats(Normalisations::workspace_floats(op));
    } else {
      return 0;
    }
  }

  Stream& stream_;
  int threads_;
  Workspace workspace_;
  Convolutions convolutions_;
  Linears linears_;
  Normalisations normalisations_;
};

}  // namespace drift
