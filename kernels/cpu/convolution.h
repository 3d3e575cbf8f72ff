// Convolutions on the CPU: each by the form that kernels/convolution_form.h names for it.
#pragma once

#include "core/check.h"
#include "kernels/convolution_form.h"
#include "kernels/cpu/direct_convolution.h"
#include "kernels/cpu/winograd/winograd.h"

namespace drift {

class Convolutions {
 public:
  Convolutions(Workspace& workspace, int threads, ConvolutionChoice choice)
      : choice_(choice), direct_(workspace), winograd_(workspace, threads) {}

  // Conv: forward, backward data or backward weights.
  template <class Conv>
  void run(const Conv& op) {
    if constexpr (requires { op.addend; }) {
      DRIFT_ASSERT(!op.addend, "{}: on a CPU no convolution adds to its gradient", Conv::kName);
    }
    is_direct(op) ? direct_.run(op) : winograd_.run(op);
  }
  // Bytes of workspace that run() cuts.
  template <class Conv>
  std::size_t workspace_bytes(const Conv& op) {
    return is_direct(op) ? direct_.workspace_bytes(op) : Workspace::bytes_of_floats(winograd_.workspace_floats(op));
  }

  // The form depends on x and w alone, so that the gradient of the weights has the same.
  bool normalises_input(const Conv2dForward& op) const { return !is_direct(op); }

 private:
  template <class Conv>
  bool is_direct(const Conv& op) const {
    const bool direct = form_of(op, choice_) == ConvolutionForm::kDirect;
    DRIFT_ASSERT(!direct || !op.norm, "{}: no direct convolution normalises what it reads", Conv::kName);
    return direct;
  }

  ConvolutionChoice choice_;
  DirectConvolutions direct_;
  WinogradConvolutions winograd_;
};

}  // namespace drift
