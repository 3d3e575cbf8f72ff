// See norm_activation.h.
#include "models/cifar/norm_activation.h"

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
  Tensor forward_conv(Tape& tape, const Tensor& x, const Conv2d& next) const override {
    return norm_.forward_relu_conv(tape, x, next);
  }

 private:
  BatchNorm norm_;
};

class GroupNormSilu final : public NormActivation {
 public:
  GroupNormSilu(ParameterSet& set, const std::string& name, std::int64_t channels, std::int64_t groups)
      : norm_(set, name, channels, groups), add_name_(name + ".add"), activation_name_(name + ".act") {}

  Tensor forward(Tape& tape, const Tensor& x) const override { return activate(tape, norm_.forward(tape, x)); }
  Tensor forward_add(Tape& tape, const Tensor& x, const Tensor& residual) const override {
    return activate(tape, add(tape, norm_.forward(tape, x), residual, add_name_));
  }
  Tensor forward_conv(Tape& tape, const Tensor& x, const Conv2d& next) const override {
    return next.forward(tape, forward(tape, x));
  }

 private:
  Tensor activate(Tape& tape, const Tensor& x) const {
    return activation(tape, x, Activation::kSilu, activation_name_);
  }

  GroupNorm norm_;
  std::string add_name_, activation_name_;
};

}  // namespace

std::unique_ptr<NormActivation> make_norm_activation(ParameterSet& set, const std::string& name, std::int64_t channels,
                                                     const ModelOptions& options) {
  if (options.norm == "group") return std::make_unique<GroupNormSilu>(set, name, channels, options.groups);
  return std::make_unique<BatchNormRelu>(set, name, channels);
}

}  // namespace drift
