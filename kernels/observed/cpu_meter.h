// CpuMeter computes nothing and answers as a CPU's backend would: what its convolutions do on the way, and how much
// workspace the largest operation would take.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/convolution_form.h"
#include "kernels/observed/null_backend.h"

namespace drift {

class CpuMeter final : public NullBackend {
 public:
  CpuMeter(Stream& stream, ConvolutionChoice convolutions)
      : NullBackend(stream), cpu_(make_backend(stream, {.convolutions = convolutions})) {}

  void run(const Op& op) override { workspace_ = std::max(workspace_, cpu_->workspace_bytes(op)); }
  bool normalises_input(const Conv2dForward& op) const override { return cpu_->normalises_input(op); }

  std::int64_t workspace() const { return workspace_; }

 private:
  std::unique_ptr<Backend> cpu_;
  std::int64_t workspace_ = 0;
};

}  // namespace drift
