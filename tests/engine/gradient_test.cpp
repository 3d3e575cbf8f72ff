// Gradients of whole small networks against finite differences through the same backend, the fused batch norms against
// the ops they are made of, and bfloat16 against float32.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>

#include "kernels/device.h"
#include "kernels/observed/forwarding_backend.h"
#include "tests/engine/small_nets.h"

namespace drift {
namespace {

using testing::Environment;
using testing::SmallNet;

constexpr std::int64_t kBatch = 4;

double norm_of(const std::vector<double>& values) {
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
}

// Central differences over every element of every parameter; of each parameter the whole gradient is compared, |g - d|
// <= tolerance |g|, because single elements jump where a ReLU or a maximum switches within the step. The loss is a
// float32 near 1, known to 1e-7: kNoise is what that leaves of one element's difference.
void expect_gradients_match_differences(SmallNet& net, double tolerance, TapeOptions mode = kTraining) {
  constexpr float kStep = 2e-3f;
  constexpr double kNoise = 3e-5;
  Environment environment;
  net.start(environment);
  const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1);
  testing::run_step(environment, net, images, true, mode);
  const std::span<const float> gradients = net.set.gradients();
  const std::span<float> values = net.set.values();
  for (const Parameter* parameter : net.set.parameters()) {
    const auto begin = static_cast<std::size_t>(parameter->offset());
    const std::size_t end = begin + static_cast<std::size_t>(parameter->shape().elements());
    const std::vector<double> gradient(gradients.begin() + parameter->offset(),
                                       gradients.begin() + static_cast<std::ptrdiff_t>(end));
    std::vector<double> error;
    for (std::size_t i = begin; i < end; ++i) {
      const float value = values[i];
      values[i] = value + kStep;
      const double up = testing::run_step(environment, net, images, false, mode);
      values[i] = value - kStep;
      const double down = testing::run_step(environment, net, images, false, mode);
      values[i] = value;
      error.push_back((up - down) / (2 * kStep) - gradients[i]);
    }
    const double noise = kNoise * std::sqrt(static_cast<double>(error.size()));
    EXPECT_LE(norm_of(error), tolerance * norm_of(gradient) + noise) << parameter->name();
    EXPECT_GT(norm_of(gradient), 20 * noise) << parameter->name() << ": too small to be compared";
  }
}

TEST(Gradients, PlainNetMatchesFiniteDifferences) {
  testing::PlainNet net;
  expect_gradients_match_differences(net, 0.003);
}

TEST(Gradients, BatchNormNetMatchesFiniteDifferences) {
  testing::BatchNormNet net;
  expect_gradients_match_differences(net, 0.03);
}

TEST(Gradients, FrozenStatisticsMatchFiniteDifferences) {
  testing::BatchNormNet net;
  expect_gradients_match_differences(net, 0.03, kFrozenTraining);
}

TEST(Gradients, GroupNormNetMatchesFiniteDifferences) {
  testing::GroupNormNet net;
  expect_gradients_match_differences(net, 0.003);
}

// Channels by which a CPU with AVX-512 computes the second convolution by Winograd's form, on partial tiles.
class WideNet final : public SmallNet {
 public:
  Tensor forward(Tape& tape, const Tensor& images) const override {
    const Tensor x = activation(tape, stem_.forward(tape, images), Activation::kSilu);
    const Tensor y = activation(tape, conv_.forward(tape, x), Activation::kSilu);
    return linear_.forward(tape, global_average_pool(tape, y));
  }

 private:
  Conv2d stem_{set, "stem", {.in_channels = 3, .out_channels = 16}};
  Conv2d conv_{set, "conv", {.in_channels = 16, .out_channels = 16, .bias = true}};
  Linear linear_{set, "linear", {.in_features = 16, .out_features = testing::kClasses, .weight_std = 1}};
};

TEST(Gradients, WideNetMatchesFiniteDifferences) {
  WideNet net;
  expect_gradients_match_differences(net, 0.01);
}

// conv(relu(batch_norm(x))), the result of the ReLU stored or, where a CPU's second convolution is by Winograd's form,
// made while x is read.
class OnReadingNet final : public SmallNet {
 public:
  explicit OnReadingNet(bool on_reading = true) : on_reading_(on_reading) {}

  Tensor forward(Tape& tape, const Tensor& images) const override {
    const Tensor x = stem_.forward(tape, images);
    const Tensor y =
        on_reading_ ? norm_.forward_relu_conv(tape, x, conv_) : conv_.forward(tape, norm_.forward_relu(tape, x));
    return linear_.forward(tape, global_average_pool(tape, activation(tape, y, Activation::kSilu)));
  }

 private:
  bool on_reading_;
  Conv2d stem_{set, "stem", {.in_channels = 3, .out_channels = 16}};
  BatchNorm norm_{set, "bn", 16};
  Conv2d conv_{set, "conv", {.in_channels = 16, .out_channels = 16, .bias = true}};
  Linear linear_{set, "linear", {.in_features = 16, .out_features = testing::kClasses, .weight_std = 1}};
};

TEST(Gradients, OnReadingNetMatchesFiniteDifferences) {
  for (const TapeOptions mode : {kTraining, kFrozenTraining}) {
    OnReadingNet net;
    expect_gradients_match_differences(net, 0.03, mode);
  }
}

// Two blocks end in one addition, which hands them one and the same gradient: neither may write its residual's part
// over it.
class TwinBlocksNet final : public SmallNet {
 public:
  Tensor forward(Tape& tape, const Tensor& images) const override {
    const Tensor x = stem_.forward(tape, images);
    const Tensor a = norm_a_.forward_add_relu(tape, conv_a_.forward(tape, x), x);
    const Tensor b = norm_b_.forward_add_relu(tape, conv_b_.forward(tape, x), x);
    return linear_.forward(tape, global_average_pool(tape, add(tape, a, b)));
  }

 private:
  Conv2d stem_{set, "stem", {.in_channels = 3, .out_channels = 4}};
  Conv2d conv_a_{set, "conv_a", {.in_channels = 4, .out_channels = 4}};
  BatchNorm norm_a_{set, "bn_a", 4};
  Conv2d conv_b_{set, "conv_b", {.in_channels = 4, .out_channels = 4}};
  BatchNorm norm_b_{set, "bn_b", 4};
  Linear linear_{set, "linear", {.in_features = 4, .out_features = testing::kClasses, .weight_std = 1}};
};

TEST(Gradients, TwinBlocksMatchFiniteDifferences) {
  TwinBlocksNet net;
  expect_gradients_match_differences(net, 0.03);
}

// A CPU whose gradients of the data take an addend, as those of a GPU do.
class AddingBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  bool adds_to_gradient(const Conv2dBackwardData&) const override { return true; }
  void run(const Op& op) override {
    const auto* const given = std::get_if<Conv2dBackwardData>(&op);
    if (given == nullptr || !given->addend) return inner().run(op);
    Conv2dBackwardData alone = *given;
    alone.addend = {};
    inner().run(alone);
    inner().add(given->dx, given->addend, given->dx);
    ++added;
  }
  int added = 0;
};

// Of a block, and of twins, whose x gets four gradients.
TEST(Gradients, AreTheSameWhereConvolutionsAddThem) {
  for (const bool twins : {false, true}) {
    const std::unique_ptr<SmallNet> net = twins ? std::unique_ptr<SmallNet>(std::make_unique<TwinBlocksNet>())
                                                : std::make_unique<testing::BatchNormNet>();
    Environment environment;
    net->start(environment);
    const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1);
    testing::run_step(environment, *net, images, true);
    const std::vector<float> apart(net->set.gradients().begin(), net->set.gradients().end());
    AddingBackend adding(environment.backend());
    Tape tape(adding, environment.pool(), DType::kFloat32, kTraining);
    const Tensor labels = environment.cyclic_labels(kBatch, testing::kClasses);
    softmax_cross_entropy(tape, net->forward(tape, images), labels.view());
    tape.backward();
    EXPECT_EQ(adding.added, twins ? 2 : 1);
    for (std::size_t i = 0; i < apart.size(); ++i) ASSERT_NEAR(apart[i], net->set.gradients()[i], 1e-5f) << i;
  }
}

TEST(Gradients, BackwardOverwritesWhatTheGradientArenaHeld) {
  Environment environment;
  testing::BatchNormNet net;
  net.start(environment);
  const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1);
  testing::run_step(environment, net, images, true);
  const std::vector<float> once(net.set.gradients().begin(), net.set.gradients().end());
  testing::run_step(environment, net, images, true);
  EXPECT_TRUE(std::ranges::equal(once, net.set.gradients()));
}

// relu(batch_norm(conv(x)) + conv'(x)), in one op or in three.
class AddReluNet final : public SmallNet {
 public:
  explicit AddReluNet(bool fused) : fused_(fused) {}

  Tensor forward(Tape& tape, const Tensor& images) const override {
    const Tensor x = main_.forward(tape, images);
    const Tensor z = side_.forward(tape, images);
    const Tensor y = fused_ ? norm_.forward_add_relu(tape, x, z)
                            : activation(tape, add(tape, norm_.forward(tape, x), z), Activation::kRelu);
    return linear_.forward(tape, global_average_pool(tape, y));
  }

 private:
  bool fused_;
  Conv2d main_{set, "main", {.in_channels = 3, .out_channels = 17}};
  Conv2d side_{set, "side", {.in_channels = 3, .out_channels = 17}};
  BatchNorm norm_{set, "bn", 17};
  Linear linear_{set, "linear", {.in_features = 17, .out_features = testing::kClasses, .weight_std = 1}};
};

void expect_close(std::span<const float> a, std::span<const float> b) {
  for (std::size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-5f) << i;
}

// Of two ways through a net, Net(true) and Net(false), in every mode.
template <class Net>
void expect_both_ways_equal() {
  for (const TapeOptions mode : {kTraining, kFrozenTraining, kBatchStatistics, kInference}) {
    Environment environment;
    Net one(true), other(false);
    one.start(environment);
    other.start(environment);
    const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1);
    EXPECT_NEAR(testing::run_step(environment, one, images, mode.records, mode),
                testing::run_step(environment, other, images, mode.records, mode), 1e-5f);
    expect_close(one.set.gradients(), other.set.gradients());
    expect_close(one.set.buffers(), other.set.buffers());
  }
}

TEST(Gradients, FusedBatchNormEqualsTheOpsItIsMadeOf) {
  expect_both_ways_equal<AddReluNet>();
}

TEST(Gradients, NormalisingOnReadingEqualsStoringIt) {
  expect_both_ways_equal<OnReadingNet>();
}

// What is read in place of it is there anyway.
TEST(Gradients, NormalisingOnReadingTakesTheResultAndTheMaskLess) {
  if (!cpu_features().avx512) GTEST_SKIP() << "no AVX-512 on this CPU, and so nothing is normalised on reading";
  const auto bytes_after_forward = [](bool on_reading) {
    Environment environment;
    OnReadingNet net(on_reading);
    net.start(environment);
    const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1);
    Tape tape(environment.backend(), environment.pool(), DType::kFloat32, kTraining);
    net.forward(tape, images);
    return environment.pool().bytes_in_use();
  };
  constexpr std::int64_t kElements = kBatch * 7 * 7 * 16;
  const std::int64_t saved = kElements * static_cast<std::int64_t>(sizeof(float)) + kElements / 8;
  EXPECT_EQ(bytes_after_forward(false) - bytes_after_forward(true), saved);
}

TEST(BatchNormModes, OnlyBatchStatisticsMoveTheRunningOnes) {
  Environment environment;
  testing::BatchNormNet net;
  net.start(environment);
  const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1);
  const std::vector<float> at_start(net.set.buffers().begin(), net.set.buffers().end());
  testing::run_step(environment, net, images, false, kInference);
  testing::run_step(environment, net, images, true, kFrozenTraining);
  EXPECT_TRUE(std::ranges::equal(at_start, net.set.buffers()));
  testing::run_step(environment, net, images, false, kTraining);
  const std::vector<float> trained(net.set.buffers().begin(), net.set.buffers().end());
  EXPECT_FALSE(std::ranges::equal(at_start, trained));

  // Momentum 1 in kBatchStatistics replaces them by this batch's, so kInference then nearly repeats what kTraining
  // computes.
  Tape tape(environment.backend(), environment.pool(), DType::kFloat32, kBatchStatistics);
  tape.batch_norm_momentum = 1.0f;
  net.forward(tape, images);
  EXPECT_FALSE(std::ranges::equal(trained, net.set.buffers()));
  const float stored = testing::run_step(environment, net, images, false, kInference);
  const float batch = testing::run_step(environment, net, images, false, kTraining);
  EXPECT_NEAR(stored, batch, 0.03f * batch);  // the stored variance is the unbiased one
}

TEST(Gradients, BFloat16IsNearFloat32) {
  if (!cpu_features().bf16) GTEST_SKIP() << "this CPU has no bf16 arithmetic";
  Environment environment;
  testing::BatchNormNet batch_norm_net;
  testing::GroupNormNet group_norm_net;
  for (SmallNet* net : {static_cast<SmallNet*>(&batch_norm_net), static_cast<SmallNet*>(&group_norm_net)}) {
    net->start(environment);
    const float exact_loss = testing::run_step(environment, *net, environment.normal({kBatch, 7, 7, 3}, 1), true);
    const std::vector<float> exact(net->set.gradients().begin(), net->set.gradients().end());
    const Tensor images = environment.normal({kBatch, 7, 7, 3}, 1, DType::kBFloat16);
    EXPECT_NEAR(testing::run_step(environment, *net, images, true), exact_loss, 0.02f * exact_loss);
    const std::span<const float> rounded = net->set.gradients();
    const auto dot = [](std::span<const float> a, std::span<const float> b) {
      return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    EXPECT_GT(dot(exact, rounded) / std::sqrt(dot(exact, exact) * dot(rounded, rounded)), 0.99);
  }
}

}  // namespace
}  // namespace drift
