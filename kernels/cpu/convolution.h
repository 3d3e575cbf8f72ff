// Convolutions on the CPU: each by the form that kernels/convolution_form.h names for it.
#pragma once

#include "kernels/convolution_form.h"
#include "kernels/cpu/direct_convolution.h"
#include "kernels/cpu/winograd/winograd.h"

namespace drift {

class Convolutions {
 public:
  Convolutions(Workspace& workspace, int threads, ConvolutionChoice choice)
      : choice_(choice), direct_(workspace), winograd_(workspace, threads) {}

  void run(const Conv2dForward& op) { is_direct(op) ? direct_.forward(op) : winograd_.forward(op); }
  void run(const Conv2dBackwardData& op) { is_direct(op) ? direct_.backward_data(op) : winograd_.backward_data(op); }
  void run(const Conv2dBackwardWeights& op) {
    is_direct(op) ? direct_.backward_weights(op) : winograd_.backward_weights(op);
  }

 private:
  template <class Conv>
  bool is_direct(const Conv& op) const {
    return form_of(op, choice_) == ConvolutionForm::kDirect;
  }

  ConvolutionChoice choice_;
  DirectConvolutions direct_;
  WinogradConvolutions winograd_;
};

}  // namespace drift
