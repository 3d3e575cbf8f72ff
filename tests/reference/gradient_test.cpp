// Every backward of the reference against finite differences of its forward.
#include <gtest/gtest.h>

#include "tests/reference/activation.h"
#include "tests/reference/batch_norm.h"
#include "tests/reference/conv.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/linear.h"
#include "tests/reference/pool.h"
#include "tests/reference/shortcut.h"
#include "tests/reference/softmax.h"

namespace drift::reference {
namespace {

using Inputs = std::vector<Array>;

TEST(ReferenceGradient, Conv2d) {
  for (const Window window : {Window{3, 1, 1}, Window{3, 2, 1}, Window{1, 2, 0}, Window{5, 3, 2}}) {
    const Array x = random_array({2, 5, 6, 3}, 1);
    const Array w = random_array({4, window.size, window.size, 3}, 2);
    const Array bias = random_array({4}, 3);
    const Array dy = random_array(conv2d_forward(window, x, w, bias).shape, 4);
    const auto weight_gradients = conv2d_backward_weights(window, x, dy);
    expect_gradients([&](const Inputs& in) { return conv2d_forward(window, in[0], in[1], in[2]); }, {x, w, bias}, dy,
                     {conv2d_backward_data(window, dy, w, x.shape), weight_gradients.dw, weight_gradients.dbias});
  }
}

TEST(ReferenceGradient, Linear) {
  const Array x = random_array({3, 5}, 1);
  const Array w = random_array({4, 5}, 2);
  const Array bias = random_array({4}, 3);
  const Array dy = random_array({3, 4}, 4);
  const LinearGradients gradients = linear_backward(x, dy, w);
  expect_gradients([](const Inputs& in) { return linear_forward(in[0], in[1], in[2]); }, {x, w, bias}, dy,
                   {gradients.dx, gradients.dw, gradients.dbias});
}

// x, z, gamma, beta.
Inputs batch_norm_inputs(const Shape& shape) {
  return {random_array(shape, 1, 0.5, 2), random_array(shape, 2), random_array({3}, 3, 1, 0.3), random_array({3}, 4)};
}

TEST(ReferenceGradient, BatchNormWithResidualAndRelu) {
  const Shape shape{2, 3, 3, 3};
  const Inputs inputs = batch_norm_inputs(shape);
  const Array dy = random_array(shape, 5);
  for (const bool relu : {false, true}) {
    const auto run = [&](const Inputs& in) {
      return batch_norm_forward(in[0], in[1], in[2], in[3], {}, {}, {.relu = relu});
    };
    const BatchNormResult result = run(inputs);
    const BatchNormGradients gradients =
        batch_norm_backward(dy, {}, result.mask, inputs[0], result.mean, result.inv_std, inputs[2]);
    expect_gradients([&](const Inputs& in) { return run(in).y; }, inputs, dy,
                     {gradients.dx, gradients.dz, gradients.dgamma, gradients.dbeta});
  }
}

TEST(ReferenceGradient, BatchNormWithFrozenStatistics) {
  const Shape shape{2, 3, 3, 3};
  const Inputs inputs = batch_norm_inputs(shape);
  const Array mean = random_array({3}, 5);
  const Array var = random_array({3}, 6, 5, 0.5);
  const Array dy = random_array(shape, 7);
  for (const bool relu : {false, true}) {
    const auto run = [&](const Inputs& in) {
      return batch_norm_inference(in[0], in[1], in[2], in[3], mean, var, {.relu = relu});
    };
    const BatchNormResult result = run(inputs);
    const BatchNormGradients gradients =
        batch_norm_backward(dy, {}, result.mask, inputs[0], mean, result.inv_std, inputs[2], NormStatistics::kFrozen);
    expect_gradients([&](const Inputs& in) { return run(in).y; }, inputs, dy,
                     {gradients.dx, gradients.dz, gradients.dgamma, gradients.dbeta});
  }
}

TEST(ReferenceGradient, BatchNormAddsTheSecondGradientFirst) {
  const Shape shape{2, 3, 3, 3};
  const Array x = random_array(shape, 1);
  const Array gamma = random_array({3}, 2);
  const Array dy = random_array(shape, 3);
  const Array dy2 = random_array(shape, 4);
  Array sum = dy;
  for (std::int64_t i = 0; i < sum.elements(); ++i) sum[i] += dy2[i];
  const BatchNormResult forward = batch_norm_forward(x, {}, gamma, gamma, {}, {}, {});
  const auto with_pair = batch_norm_backward(dy, dy2, {}, x, forward.mean, forward.inv_std, gamma);
  const auto with_sum = batch_norm_backward(sum, {}, {}, x, forward.mean, forward.inv_std, gamma);
  EXPECT_EQ(with_pair.dx.values, with_sum.dx.values);
  EXPECT_EQ(with_pair.dz.values, sum.values);
}

TEST(ReferenceGradient, GroupNorm) {
  for (const std::int64_t groups : {1, 2, 6}) {
    const Shape shape{2, 2, 3, 6};
    const Array x = random_array(shape, 1, -1, 2);
    const Array gamma = random_array({6}, 2, 1, 0.3);
    const Array beta = random_array({6}, 3);
    const Array dy = random_array(shape, 4);
    const GroupNormResult result = group_norm_forward(x, gamma, beta, groups, 1e-5);
    const GroupNormGradients gradients = group_norm_backward(dy, x, result.mean, result.inv_std, gamma, groups);
    expect_gradients([&](const Inputs& in) { return group_norm_forward(in[0], in[1], in[2], groups, 1e-5).y; },
                     {x, gamma, beta}, dy, {gradients.dx, gradients.dgamma, gradients.dbeta});
  }
}

TEST(ReferenceGradient, Activations) {
  const Array x = random_array({50}, 1, 0, 3);
  const Array dy = random_array({50}, 2);
  expect_gradients([](const Inputs& in) { return relu_forward(in[0]); }, {x}, dy, {relu_backward(relu_forward(x), dy)});
  expect_gradients([](const Inputs& in) { return silu_forward(in[0]); }, {x}, dy, {silu_backward(x, dy)});
}

TEST(ReferenceGradient, Pools) {
  for (const Window window : {Window{2, 2, 0}, Window{3, 2, 1}, Window{3, 1, 1}}) {
    const Array x = random_array({2, 5, 6, 3}, 1);
    const MaxPoolResult result = max_pool_forward(window, x);
    const Array dy = random_array(result.y.shape, 2);
    expect_gradients([&](const Inputs& in) { return max_pool_forward(window, in[0]).y; }, {x}, dy,
                     {max_pool_backward(window, dy, result.index, x.shape)});
    expect_gradients([&](const Inputs& in) { return average_pool_forward(window, in[0]); }, {x}, dy,
                     {average_pool_backward(window, dy, x.shape)});
  }
}

TEST(ReferenceGradient, GlobalAveragePool) {
  const Array x = random_array({2, 3, 4, 3}, 1);
  const Array dy = random_array({2, 3}, 2);
  expect_gradients([](const Inputs& in) { return global_average_pool_forward(in[0]); }, {x}, dy,
                   {global_average_pool_backward(dy, x.shape)});
}

TEST(ReferenceGradient, Shortcut) {
  for (const std::int64_t stride : {1, 2}) {
    const Array x = random_array({2, 5, 4, 3}, 1);
    const Array dy = random_array(shortcut_forward(stride, x, 8).shape, 2);
    expect_gradients([&](const Inputs& in) { return shortcut_forward(stride, in[0], 8); }, {x}, dy,
                     {shortcut_backward(stride, dy, x.shape)});
  }
}

TEST(ReferenceGradient, SoftmaxCrossEntropy) {
  const Array logits = random_array({4, 7}, 1, 0, 2);
  const Array labels(Shape{4}, {0, 6, 3, 3});
  for (const double smoothing : {0.0, 0.1, 1.0}) {
    const auto loss = [&](const Inputs& in) {
      return Array(Shape{1}, softmax_cross_entropy(in[0], labels, smoothing).loss);
    };
    expect_gradients(loss, {logits}, Array(Shape{1}, 1.0), {softmax_cross_entropy(logits, labels, smoothing).dlogits});
  }
}

}  // namespace
}  // namespace drift::reference
