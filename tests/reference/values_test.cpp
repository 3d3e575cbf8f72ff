// Forwards of the reference against values worked out by hand, so that a wrong forward with a matching gradient is seen
// too.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "tests/reference/activation.h"
#include "tests/reference/augment.h"
#include "tests/reference/batch_norm.h"
#include "tests/reference/conv.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/group_norm.h"
#include "tests/reference/linear.h"
#include "tests/reference/pool.h"
#include "tests/reference/sgd.h"
#include "tests/reference/shortcut.h"
#include "tests/reference/softmax.h"
#include "tests/reference/winograd.h"

namespace drift::reference {
namespace {

using Values = std::vector<double>;

TEST(ReferenceValues, ConvolutionDoesNotFlipTheKernelAndPadsWithZeros) {
  const Array x({1, 2, 2, 1}, {1, 2, 3, 4});
  const Array w({1, 3, 3, 1}, {1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8});
  // Output (0,0) sees pixel (h,w) under kernel entry (h+1,w+1).
  EXPECT_EQ(conv2d_forward({3, 1, 1}, x, w, {}).values, (Values{430210000, 43021000, 430210, 43021}));
}

// Its absolute form is the measure of an implementation's errors.
TEST(ReferenceValues, WinogradIsTheConvolution) {
  using Form = reference::Terms;
  const Array x = random_array({2, 9, 6, 3}, 1), dy = random_array({2, 9, 6, 2}, 2), w = random_array({2, 3, 3, 3}, 3);
  const Window window{3, 1, 1};
  const auto expect_near = [](const Array& a, const Array& b) {
    ASSERT_EQ(a.elements(), b.elements());
    for (std::int64_t i = 0; i < a.elements(); ++i) EXPECT_NEAR(a[i], b[i], 1e-12) << i;
  };
  expect_near(winograd_forward(x, w, Form::kSigned), conv2d_forward(window, x, w, {}));
  expect_near(winograd_backward_data(dy, w, Form::kSigned), conv2d_backward_data(window, dy, w, x.shape));
  expect_near(winograd_backward_weights(x, dy, Form::kSigned), conv2d_backward_weights(window, x, dy).dw);
  const Array sizes = winograd_forward(x, w, Form::kAbsolute);
  const Array products = conv2d_forward(window, absolute(x), absolute(w), {});
  for (std::int64_t i = 0; i < sizes.elements(); ++i) EXPECT_GE(sizes[i], products[i]);
}

TEST(ReferenceValues, LinearAddsTheBias) {
  const Array y = linear_forward(Array({1, 2}, {1, 2}), Array({2, 2}, {3, 4, 5, 6}), Array(Shape{2}, {10, 20}));
  EXPECT_EQ(y.values, (Values{21, 37}));
}

TEST(ReferenceValues, BatchNorm) {
  const Array x({1, 2, 1, 1}, {3, 7});  // mean 5, biased var 4, unbiased 8
  const Array one(Shape{1}, 1.0);
  const BatchNormResult result = batch_norm_forward(x, Array({1, 2, 1, 1}, {0, 1}), Array(Shape{1}, 2.0), one, one, one,
                                                    {.epsilon = 0, .momentum = 0.25, .relu = true});
  EXPECT_EQ(result.before_relu.values, (Values{-1, 4}));
  EXPECT_EQ(result.y.values, (Values{0, 4}));
  EXPECT_EQ(result.mask.values, (Values{0, 1}));
  EXPECT_EQ(result.inv_std.values, (Values{0.5}));
  EXPECT_EQ(result.running_mean.values, (Values{0.75 * 1 + 0.25 * 5}));
  EXPECT_EQ(result.running_var.values, (Values{0.75 * 1 + 0.25 * 8}));
  EXPECT_EQ(batch_norm_inference(x, {}, one, one, one, Array(Shape{1}, 4.0), {.epsilon = 0}).y.values, (Values{2, 4}));
}

TEST(ReferenceValues, GroupNormSeparatesGroups) {
  const Array x({1, 1, 1, 4}, {1, 3, 10, 30});
  const GroupNormResult result = group_norm_forward(x, Array(Shape{4}, 1.0), Array(Shape{4}), 2, 0);
  EXPECT_EQ(result.mean.values, (Values{2, 20}));
  EXPECT_EQ(result.inv_std.values, (Values{1, 0.1}));
  EXPECT_EQ(result.y.values, (Values{-1, 1, -1, 1}));
}

TEST(ReferenceValues, Silu) {
  EXPECT_DOUBLE_EQ(silu_forward(Array(Shape{1}, 2.0))[0], 2 / (1 + std::exp(-2.0)));
  EXPECT_EQ(silu_forward(Array(Shape{1}, 0.0))[0], 0);
}

TEST(ReferenceValues, MaxPoolTakesTheFirstOfEqualsAndNeverThePadding) {
  const Array x({1, 2, 2, 1}, {-5, -5, -7, -5});
  const MaxPoolResult whole = max_pool_forward({2, 2, 0}, x);
  EXPECT_EQ(whole.y.values, (Values{-5}));
  EXPECT_EQ(whole.index.values, (Values{0}));
  const MaxPoolResult padded = max_pool_forward({2, 2, 1}, x);  // each window holds one pixel and three of padding
  EXPECT_EQ(padded.y.values, (Values{-5, -5, -7, -5}));
  EXPECT_EQ(padded.index.values, (Values{3, 2, 1, 0}));
}

TEST(ReferenceValues, TheFirstNanOfAWindowWins) {
  const double nan = std::nan("");
  const MaxPoolResult result = max_pool_forward({2, 2, 0}, Array({1, 2, 4, 1}, {1, nan, 9, 1, nan, 5, 1, 1}));
  EXPECT_TRUE(std::isnan(result.y[0]));
  EXPECT_EQ(result.y[1], 9);
  EXPECT_EQ(result.index.values, (Values{1, 0}));
}

TEST(ReferenceValues, ReluPassesNansAndBlocksNoNanGradient) {
  const double nan = std::nan("");
  const Array y = relu_forward(Array(Shape{4}, {-1, 2, nan, 0}));
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_EQ(y[0] + y[1] + y[3], 2);
  const Array dx = relu_backward(y, Array(Shape{4}, {nan, 3, 3, 3}));
  EXPECT_TRUE(std::isnan(dx[0]) && std::isnan(dx[2]));
  EXPECT_EQ(dx[1], 3);
  EXPECT_EQ(dx[3], 0);
}

TEST(ReferenceValues, AveragePoolCountsPaddingInTheDivisor) {
  const Array x({1, 2, 2, 1}, {4, 8, 12, 16});
  EXPECT_EQ(average_pool_forward({2, 2, 0}, x).values, (Values{10}));
  EXPECT_EQ(average_pool_forward({2, 2, 1}, x).values, (Values{1, 2, 3, 4}));
  EXPECT_EQ(global_average_pool_forward(x).values, (Values{10}));
}

TEST(ReferenceValues, ShortcutPadsChannelsOnBothSides) {
  const Array x({1, 2, 2, 1}, {1, 2, 3, 4});
  EXPECT_EQ(shortcut_forward(2, x, 3).values, (Values{0, 1, 0}));
  EXPECT_EQ(shortcut_forward(1, x, 2).values, (Values{1, 0, 2, 0, 3, 0, 4, 0}));
}

TEST(ReferenceValues, SoftmaxHitsBreakTiesByClassNumber) {
  const Array logits({2, 7}, 1.5);
  const SoftmaxResult result = softmax_cross_entropy(logits, Array(Shape{2}, {4, 5}));
  EXPECT_EQ(result.top1, 0);
  EXPECT_EQ(result.top5, 1);  // label 4 is the fifth of the equals, label 5 the sixth
  EXPECT_DOUBLE_EQ(result.loss, std::log(7.0));
  EXPECT_EQ(softmax_cross_entropy(logits, Array(Shape{2}, {0, 0})).top1, 2);
}

// Of logits 0 and log 3 the softmax is 1/4, 3/4; smoothed by 1/2 the target of label 0 is 3/4, 1/4.
TEST(ReferenceValues, SmoothingSpreadsAPartOfTheTargetOverAllClasses) {
  const SoftmaxResult result = softmax_cross_entropy(Array({1, 2}, {0, std::log(3.0)}), Array(Shape{1}, {0}), 0.5);
  EXPECT_DOUBLE_EQ(result.loss, 0.75 * std::log(4.0) + 0.25 * std::log(4.0 / 3));
  EXPECT_DOUBLE_EQ(result.dlogits[0], -0.5);
  EXPECT_DOUBLE_EQ(result.dlogits[1], 0.5);
  EXPECT_EQ(result.top1, 0);
}

TEST(ReferenceValues, ARowWithoutASoftmaxIsNoHit) {
  const double nan = std::nan("");
  const double inf = std::numeric_limits<double>::infinity();
  // Its loss and both counts, beside a row that is a hit.
  const auto beside_a_hit = [](const Values& row, double label) {
    Values logits = row;
    logits.insert(logits.end(), {0, 9, 0});
    return softmax_cross_entropy(Array({2, 3}, logits), Array(Shape{2}, {label, 1}));
  };
  for (const Values& row : {Values{nan, 0, 0}, Values{0, nan, 0}, Values{inf, 0, 0}, Values{-inf, -inf, -inf}}) {
    const SoftmaxResult result = beside_a_hit(row, 0);
    EXPECT_TRUE(std::isnan(result.loss));
    EXPECT_TRUE(std::isnan(result.dlogits[0]));
    EXPECT_EQ(result.top1, 1);
    EXPECT_EQ(result.top5, 1);
  }
  const SoftmaxResult impossible = beside_a_hit({0, 0, -inf}, 2);  // a class of probability 0 still has a rank
  EXPECT_EQ(impossible.loss, inf);
  EXPECT_EQ(impossible.top1, 1);
  EXPECT_EQ(impossible.top5, 2);
}

TEST(ReferenceValues, SgdFollowsPyTorchsConvention) {
  for (const bool nesterov : {false, true}) {
    const Values g{4};
    Values v{8};
    Values w{2};
    sgd_update<double>({.lr = 0.5, .momentum = 0.25, .weight_decay = 2, .nesterov = nesterov}, g, v, w);
    EXPECT_EQ(v[0], 0.25 * 8 + (4 + 2 * 2));
    EXPECT_EQ(w[0], nesterov ? 2 - 0.5 * (8 + 0.25 * 10) : 2 - 0.5 * 10);
  }
}

TEST(ReferenceValues, GradientsAreClippedByTheirNormAsInPyTorch) {
  const Values g{3, 0, -4};
  EXPECT_EQ(clip_scale(g, 2), 2 / (5 + 1e-6));
  EXPECT_EQ(clip_scale(g, 5), 5 / (5 + 1e-6));  // a hair below 1
  EXPECT_EQ(clip_scale(g, 6), 1);
  EXPECT_EQ(clip_scale(Values{0}, 1), 1);
}

TEST(ReferenceValues, AverageSumsInABalancedTree) {
  // (1 + big) + (-big + 1): pairs lose both ones; left to right keeps the last.
  const std::vector<std::vector<float>> replicas{{1}, {0x1p30f}, {-0x1p30f}, {1}};
  EXPECT_EQ(tree_average(replicas), std::vector<float>{0});
  EXPECT_EQ(tree_average<double>({{3}, {6}, {9}}), std::vector<double>{6});
}

TEST(ReferenceValues, AugmentCropsMirrorsAndPadsBeforeNormalising) {
  Array image({1, 1, 2, 3});
  image.values = {255, 0, 0, 0, 255, 0};  // a red pixel, then a green one
  const std::array<double, 3> mean{0.5, 0.5, 0.5};
  const std::array<double, 3> std{0.5, 0.5, 0.5};
  const auto augmented = [&](Crop crop) { return augment(image, std::span(&crop, 1), 1, mean, std).values; };
  EXPECT_EQ(augmented({.dy = 1, .dx = 1}), (Values{1, -1, -1, -1, 1, -1}));
  EXPECT_EQ(augmented({.dy = 1, .dx = 1, .flip = 1}), (Values{-1, 1, -1, 1, -1, -1}));
  EXPECT_EQ(augmented({.dy = 1, .dx = 2}), (Values{-1, 1, -1, -1, -1, -1}));             // moved left
  EXPECT_EQ(augmented({.dy = 1, .dx = 2, .flip = 1}), (Values{-1, -1, -1, -1, 1, -1}));  // then mirrored
  EXPECT_EQ(augmented({.dy = 0, .dx = 1}), Values(6, -1));                               // only padding
}

}  // namespace
}  // namespace drift::reference
