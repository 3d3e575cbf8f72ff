// See norm_activation.h.
#include "models/norm_activation.h"

#include "engine/nn/batch_norm.h"
#include "engine/nn/group_norm.h"

namespace drift {
namespace {

class BatchNormRelu final : public NormActivation {
 public:
  BatchNormRelu(ParameterSet& set, const std::string& name, std::int64_t channels) : norm_(set, name, channels) {}

  Tensor forward(Tape& tape, const Tensor& x) const override { return norm_.forward_relu(tape, x); }
  Tensor forward_add(Tape& tape, const Tensor& x, const Tensor& residual) const override {
    return norm_.forward_add_relu(tape, x, residual);
  }

 private:
  BatchNorm norm_;
};

class GroupNormSilu final : public NormActivation {
 public:
  GroupNormSilu(ParameterSet& set, const std::string& name, std::int64_t channels, std::int64_t groups)
      : norm_(set, name, channels, groups) {}

  Tensor forward(Tape& tape, const Tensor& x) const override {
    return activation(tape, norm_.forward(tape, x), Activation::kSilu);
  }
  Tensor forward_add(Tape& tape, const Tensor& x, const Tensor& residual) const override {
    return activation(tape, add(tape, norm_.forward(tape, x), residual), Activation::kSilu);
  }

 private:
  GroupNorm norm_;
};

}  // namespace

std::unique_ptr<NormActivation> make_norm_activation(ParameterSet& set, const std::string& name, std::int64_t channels,
                                                     const ModelOptions& options) {
  if (options.norm == "group") return std::make_unique<GroupNormSilu>(set, name, channels, options.groups);
  return std::make_unique<BatchNormRelu>(set, name, channels);
}

}  // namespace drift
