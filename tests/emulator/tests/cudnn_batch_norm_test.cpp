#include <algorithm>
#include <gtest/gtest.h>

#include "tests/emulator/tests/cudnn_graph.h"
#include "tests/emulator/tests/device_array.h"
#include "tests/emulator/tests/image.h"
#include "tests/support/seed.h"

namespace drift::emulator::testing {

namespace {

constexpr std::int64_t kChannels = 16;
constexpr Dims kDims{4, 6, 5, kChannels};
constexpr std::int64_t kSize = 4 * 6 * 5 * kChannels;
constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;
const Shape kShape{4, kChannels, 6, 5};

struct Statistics {
  std::vector<double> mean, variance, inverse_deviation;
};

Statistics statistics_of(const std::vector<double>& x) {
  Statistics result{std::vector<double>(kChannels), std::vector<double>(kChannels), std::vector<double>(kChannels)};
  const double count = static_cast<double>(kSize / kChannels);
  for (std::int64_t i = 0; i < kSize; ++i) result.mean[i % kChannels] += x[i] / count;
  for (std::int64_t i = 0; i < kSize; ++i) {
    const double difference = x[i] - result.mean[i % kChannels];
    result.variance[i % kChannels] += difference * difference / count;
  }
  for (std::int64_t c = 0; c < kChannels; ++c)
    result.inverse_deviation[c] = 1.0 / std::sqrt(result.variance[c] + kEpsilon);
  return result;
}

class BatchNorm : public ::testing::TestWithParam<std::tuple<int, Element>> {
 protected:
  int sm() const { return std::get<0>(GetParam()); }
  Element io() const { return std::get<1>(GetParam()); }
  // Three roundings: of the norm, of the sum, of the result.
  double tolerance() const { return io() == Element::kFloat32 ? kFloat32Tolerance : 3 * kBfloat16Tolerance; }

  Random random_{drift::testing::seed()};
  std::vector<double> x_ = random_.vector(kSize);
  std::vector<double> z_ = random_.vector(kSize);
  std::vector<double> scale_ = random_.vector(kChannels, 0.5, 1.5);
  std::vector<double> bias_ = random_.vector(kChannels);
  Statistics batch_ = statistics_of(x_);
};

TEST_P(BatchNorm, ForwardWithAddReluAndBitmask) {
  CudnnGraph graph(sm(), io());
  const auto x = graph.input(kShape, io());
  const auto z = graph.input(kShape, io());
  const auto scale = graph.channel_vector(kChannels);
  const auto bias = graph.channel_vector(kChannels);
  const auto mean = graph.channel_vector(kChannels);
  const auto variance = graph.channel_vector(kChannels);
  const auto norm = graph.batch_norm(x, scale, bias, mean, variance, kEpsilon, kMomentum);
  graph.keep_virtual_as(norm.y, io());
  const auto sum = graph.pointwise("ADD", norm.y, z);
  graph.keep_virtual_as(sum, io());
  const auto y = graph.pointwise("RELU_FWD", sum);
  graph.output(y, io());
  const auto mask = graph.pointwise("CMP_GT", y, graph.by_value(0.0F));
  graph.output(mask, Element::kBoolean);
  graph.build();

  const DeviceArray x_memory(io(), x_), z_memory(io(), z_), y_memory(io(), kSize),
      mask_memory(Element::kBoolean, kSize);
  const DeviceArray scale_memory(Element::kFloat32, scale_), bias_memory(Element::kFloat32, bias_);
  const DeviceArray mean_memory(Element::kFloat32, kChannels), deviation_memory(Element::kFloat32, kChannels);
  const std::vector<double> old_mean = random_.vector(kChannels), old_variance = random_.vector(kChannels, 0.5, 2.0);
  const DeviceArray running_mean(Element::kFloat32, old_mean), running_variance(Element::kFloat32, old_variance);
  graph.run({{x, x_memory.address()},
             {z, z_memory.address()},
             {y, y_memory.address()},
             {mask, mask_memory.address()},
             {scale, scale_memory.address()},
             {bias, bias_memory.address()},
             {norm.mean, mean_memory.address()},
             {norm.inverse_deviation, deviation_memory.address()},
             {mean, running_mean.address()},
             {variance, running_variance.address()},
             {norm.next_mean, running_mean.address()},
             {norm.next_variance, running_variance.address()}});

  std::vector<double> expected(kSize), expected_mask(kSize);
  const std::vector<double> actual = y_memory.values();
  for (std::int64_t i = 0; i < kSize; ++i) {
    const std::int64_t c = i % kChannels;
    expected[i] = std::max(0.0, (x_[i] - batch_.mean[c]) * batch_.inverse_deviation[c] * scale_[c] + bias_[c] + z_[i]);
    expected_mask[i] = actual[i] > 0 ? 1 : 0;
  }
  expect_close(actual, expected, tolerance());
  EXPECT_EQ(mask_memory.values(), expected_mask);
  expect_close(mean_memory.values(), batch_.mean, kFloat32Tolerance);
  expect_close(deviation_memory.values(), batch_.inverse_deviation, kFloat32Tolerance);
  const double count = static_cast<double>(kSize / kChannels);
  std::vector<double> next_mean(kChannels), next_variance(kChannels);
  for (std::int64_t c = 0; c < kChannels; ++c) {
    next_mean[c] = (1 - kMomentum) * old_mean[c] + kMomentum * batch_.mean[c];
    next_variance[c] = (1 - kMomentum) * old_variance[c] + kMomentum * batch_.variance[c] * count / (count - 1);
  }
  expect_close(running_mean.values(), next_mean, kFloat32Tolerance);
  expect_close(running_variance.values(), next_variance, kFloat32Tolerance);
}

// The gradients of two paths are added, masked, given out for the residual path and go through the norm.
TEST_P(BatchNorm, BackwardOfAMaskedSumThatIsAlsoAnOutput) {
  const std::vector<double> dy = random_.vector(kSize), dy2 = random_.vector(kSize);
  std::vector<double> mask = random_.vector(kSize);
  for (double& bit : mask) bit = bit > 0 ? 1 : 0;
  CudnnGraph graph(sm(), io());
  const auto x = graph.input(kShape, io());
  const auto first = graph.input(kShape, io());
  const auto second = graph.input(kShape, io());
  const auto bits = graph.input(kShape, Element::kBoolean);
  const auto scale = graph.channel_vector(kChannels);
  const auto mean = graph.channel_vector(kChannels);
  const auto deviation = graph.channel_vector(kChannels);
  const auto sum = graph.pointwise("ADD", first, second);
  graph.keep_virtual_as(sum, io());
  const auto masked = graph.pointwise("MUL", sum, bits);
  graph.output(masked, io());
  const auto gradient = graph.batch_norm_backward(masked, x, scale, mean, deviation);
  graph.build();

  const DeviceArray x_memory(io(), x_), first_memory(io(), dy), second_memory(io(), dy2),
      bits_memory(Element::kBoolean, mask);
  const DeviceArray masked_memory(io(), kSize), dx_memory(io(), kSize);
  const DeviceArray scale_memory(Element::kFloat32, scale_), mean_memory(Element::kFloat32, batch_.mean);
  const DeviceArray deviation_memory(Element::kFloat32, batch_.inverse_deviation);
  const DeviceArray dscale_memory(Element::kFloat32, kChannels), dbias_memory(Element::kFloat32, kChannels);
  graph.run({{x, x_memory.address()},
             {first, first_memory.address()},
             {second, second_memory.address()},
             {bits, bits_memory.address()},
             {masked, masked_memory.address()},
             {scale, scale_memory.address()},
             {mean, mean_memory.address()},
             {deviation, deviation_memory.address()},
             {gradient.dx, dx_memory.address()},
             {gradient.dscale, dscale_memory.address()},
             {gradient.dbias, dbias_memory.address()}});

  std::vector<double> sums(kSize), dscale(kChannels), dbias(kChannels), dx(kSize);
  for (std::int64_t i = 0; i < kSize; ++i) {
    const double sum_value = dy[i] + dy2[i];
    const double rounded = io() == Element::kFloat32 ? static_cast<float>(sum_value) : as_bfloat16(sum_value);
    sums[i] = rounded * mask[i];
  }
  EXPECT_EQ(masked_memory.values(), sums);
  const auto normalized = [&](std::int64_t i) {
    return (x_[i] - batch_.mean[i % kChannels]) * batch_.inverse_deviation[i % kChannels];
  };
  for (std::int64_t i = 0; i < kSize; ++i) {
    dbias[i % kChannels] += sums[i];
    dscale[i % kChannels] += sums[i] * normalized(i);
  }
  const double count = static_cast<double>(kSize / kChannels);
  for (std::int64_t i = 0; i < kSize; ++i) {
    const std::int64_t c = i % kChannels;
    dx[i] = scale_[c] * batch_.inverse_deviation[c] * (sums[i] - dbias[c] / count - normalized(i) * dscale[c] / count);
  }
  expect_close(dscale_memory.values(), dscale, kFloat32Tolerance);
  expect_close(dbias_memory.values(), dbias, kFloat32Tolerance);
  expect_close(dx_memory.values(), dx, tolerance());
}

INSTANTIATE_TEST_SUITE_P(All, BatchNorm,
                         ::testing::Combine(::testing::Values(80, 90, 100),
                                            ::testing::Values(Element::kBfloat16, Element::kFloat32)),
                         [](const auto& instance) {
                           return "sm" + std::to_string(std::get<0>(instance.param)) +
                                  (std::get<1>(instance.param) == Element::kFloat32 ? "_float32" : "_bfloat16");
                         });

}  // namespace

}  // namespace drift::emulator::testing
