// Networks of a few layers with awkward sizes, which together use every op, and a step over one of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/nn/batch_norm.h"
#include "engine/nn/conv2d.h"
#include "engine/nn/group_norm.h"
#include "engine/nn/linear.h"
#include "tests/engine/environment.h"

namespace drift::testing {

constexpr std::int64_t kClasses = 3;

// images [N,7,7,3] -> logits [N,3]
class SmallNet {
 public:
  virtual ~SmallNet() = default;
  virtual Tensor forward(Tape& tape, const Tensor& images) const = 0;

  // Every parameter random: at gamma = 1 and beta = 0 some mistakes cannot be seen.
  void start(Environment& environment) {
    set.allocate(environment.backend());
    set.initialise(environment.backend(), 1);
    std::uint64_t stream = 100;
    for (const Parameter* parameter : set.parameters()) {
      std::vector<float> values = Environment::normal_values(parameter->shape().elements(), stream++);
      const float shift = parameter->role() == ParameterRole::kNormScale ? 1.0f : 0.0f;
      for (float& value : values) value = 0.3f * value + shift;
      environment.backend().upload(values.data(), parameter->value());
    }
  }

  ParameterSet set;
};

// Convolutions with bias, SiLU, average and global pooling.
class PlainNet final : public SmallNet {
 public:
  Tensor forward(Tape& tape, const Tensor& images) const override {
    Tensor x = activation(tape, first_.forward(tape, images), Activation::kSilu);
    x = pool(tape, x, Pooling::kAverage, {.size = 3, .stride = 2, .pad = 1});
    return linear_.forward(tape, global_average_pool(tape, second_.forward(tape, x)));
  }

 private:
  Conv2d first_{set, "first", {.in_channels = 3, .out_channels = 5, .bias = true}};
  Conv2d second_{
      set, "second", {.in_channels = 5, .out_channels = 4, .window = {.size = 3, .stride = 2, .pad = 1}, .bias = true}};
  Linear linear_{set, "linear", {.in_features = 4, .out_features = kClasses, .weight_std = 1}};
};

// A residual block with the fused batch norms, a shortcut to the next stage, and the block's output used three times.
class BatchNormNet final : public SmallNet {
 public:
  Tensor forward(Tape& tape, const Tensor& images) const override {
    const Tensor x = norm0_.forward_relu(tape, conv0_.forward(tape, images));
    Tensor y = norm1_.forward_relu(tape, conv1_.forward(tape, x));
    y = norm2_.forward_add_relu(tape, conv2_.forward(tape, y), x);
    const Tensor pooled = pool(tape, y, Pooling::kMax, {.size = 2, .stride = 2, .pad = 0});
    const Tensor thrice = add(tape, shortcut(tape, y, 2, 9), shortcut(tape, add(tape, y, y), 2, 9));
    const Tensor end = activation(tape, norm3_.forward(tape, thrice), Activation::kRelu);
    return linear_.forward(
        tape, add(tape, global_average_pool(tape, end), global_average_pool(tape, shortcut(tape, pooled, 1, 9))));
  }

 private:
  Conv2d conv0_{set, "conv0", {.in_channels = 3, .out_channels = 5}};
  BatchNorm norm0_{set, "bn0", 5};
  Conv2d conv1_{set, "conv1", {.in_channels = 5, .out_channels = 5}};
  BatchNorm norm1_{set, "bn1", 5};
  Conv2d conv2_{set, "conv2", {.in_channels = 5, .out_channels = 5}};
  BatchNorm norm2_{set, "bn2", 5};
  BatchNorm norm3_{set, "bn3", 9};
  Linear linear_{set, "linear", {.in_features = 9, .out_features = kClasses, .weight_std = 1}};
};

// Group norm and SiLU around an addition; the flattened end of a VGG.
class GroupNormNet final : public SmallNet {
 public:
  Tensor forward(Tape& tape, const Tensor& images) const override {
    const Tensor x = activation(tape, norm0_.forward(tape, conv0_.forward(tape, images)), Activation::kSilu);
    const Tensor y = norm1_.forward(tape, conv1_.forward(tape, x));
    const Tensor sum = activation(tape, add(tape, y, shortcut(tape, x, 2, 8)), Activation::kSilu);
    const Tensor last = pool(tape, sum, Pooling::kAverage, {.size = 4, .stride = 4, .pad = 0});
    return linear_.forward(tape, last.reshaped({last.shape()[0], 8}));
  }

 private:
  Conv2d conv0_{set, "conv0", {.in_channels = 3, .out_channels = 6}};
  GroupNorm norm0_{set, "gn0", 6, 3};
  Conv2d conv1_{set, "conv1", {.in_channels = 6, .out_channels = 8, .window = {.size = 3, .stride = 2, .pad = 1}}};
  GroupNorm norm1_{set, "gn1", 8, 2};
  Linear linear_{set, "linear", {.in_features = 8, .out_features = kClasses, .weight_std = 1}};
};

// One forward pass with loss, and backward if wanted; returns the mean loss.
inline float run_step(Environment& environment, const SmallNet& net, const Tensor& images, bool backward,
                      TapeOptions mode = kTraining) {
  Tape tape(environment.backend(), environment.pool(), images.dtype(), mode);
  const Tensor labels = environment.cyclic_labels(images.shape()[0], kClasses);
  const Tensor result = softmax_cross_entropy(tape, net.forward(tape, images), labels.view());
  if (backward) tape.backward();
  return environment.read(result)[0];
}

}  // namespace drift::testing
