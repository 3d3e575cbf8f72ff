// Each op names itself, what it wanted and what it got when its arguments do not fit.
#include <gtest/gtest.h>

#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;
using testing::expect_error;

class OpsErrorTest : public ::testing::Test {
 protected:
  OpsErrorTest() { set_.allocate(environment_.backend()); }

  Tensor image(const Shape& shape) { return environment_.normal(shape, 0); }
  BatchNormState state() const { return {gamma_, beta_, mean_, var_}; }

  Environment environment_;
  Tape tape_{environment_.backend(), environment_.pool(), DType::kFloat32, kTraining};
  ParameterSet set_;
  const Parameter& conv_ = set_.add_parameter("c.weight", {8, 3, 3, 4}, ParameterRole::kConvWeight, {});
  const Parameter& weight_ = set_.add_parameter("l.weight", {5, 8}, ParameterRole::kLinearWeight, {});
  const Parameter& bias_ = set_.add_parameter("l.bias", {5}, ParameterRole::kLinearBias, {});
  const Parameter& gamma_ = set_.add_parameter("n.weight", {8}, ParameterRole::kNormScale, {});
  const Parameter& beta_ = set_.add_parameter("n.bias", {8}, ParameterRole::kNormShift, {});
  const Buffer& mean_ = set_.add_buffer("n.running_mean", {8}, 0);
  const Buffer& var_ = set_.add_buffer("n.running_var", {8}, 1);
};

TEST_F(OpsErrorTest, Conv2d) {
  expect_error(ErrorKind::kInternal, {"conv2d", "c.weight", "[O,k,k,3]", "fp32 [2,8,8,3]", "[8,3,3,4]"}, [&] {
    conv2d(tape_, image({2, 8, 8, 3}), conv_, nullptr, 1, 1);
  });
  expect_error(ErrorKind::kInternal, {"conv2d", "[N,H,W,C]", "fp32 [8,4]"}, [&] {
    conv2d(tape_, image({8, 4}), conv_, nullptr, 1, 1);
  });
  expect_error(ErrorKind::kInternal, {"conv2d", "got nothing"}, [&] { conv2d(tape_, {}, conv_, nullptr, 1, 1); });
  expect_error(ErrorKind::kInternal, {"conv2d", "l.bias", "[8]", "[5]"}, [&] {
    conv2d(tape_, image({2, 8, 8, 4}), conv_, &bias_, 1, 1);
  });
  expect_error(ErrorKind::kInternal, {"conv2d", "3x3 window", "stride 1", "padding 0", "[2,2,8,4]"}, [&] {
    conv2d(tape_, image({2, 2, 8, 4}), conv_, nullptr, 1, 0);
  });
  expect_error(ErrorKind::kInternal, {"conv2d", "stride 0"}, [&] {
    conv2d(tape_, image({2, 8, 8, 4}), conv_, nullptr, 0, 1);
  });
}

TEST_F(OpsErrorTest, AnActivationOfAnotherTypeIsRefused) {
  const Tensor x = environment_.normal({2, 8, 8, 4}, 0, DType::kBFloat16);
  expect_error(ErrorKind::kInternal, {"conv2d", "fp32 [N,H,W,C]", "bf16 [2,8,8,4]"},
               [&] { conv2d(tape_, x, conv_, nullptr, 1, 1); });
  expect_error(ErrorKind::kInternal, {"activation", "fp32", "bf16"}, [&] { activation(tape_, x, Activation::kRelu); });
}

TEST_F(OpsErrorTest, BatchNorm) {
  expect_error(ErrorKind::kInternal, {"batch_norm_relu", "n.weight", "[4]", "[2,8,8,4]", "[8]"}, [&] {
    batch_norm_relu(tape_, image({2, 8, 8, 4}), state());
  });
  expect_error(ErrorKind::kInternal, {"batch_norm_add_relu", "[2,8,8,8]", "[2,4,4,8]"}, [&] {
    batch_norm_add_relu(tape_, image({2, 8, 8, 8}), image({2, 4, 4, 8}), state());
  });
  expect_error(ErrorKind::kInternal, {"batch_norm_add_relu", "undefined"}, [&] {
    batch_norm_add_relu(tape_, image({2, 8, 8, 8}), {}, state());
  });
}

TEST_F(OpsErrorTest, GroupNorm) {
  expect_error(ErrorKind::kInternal, {"group_norm", "3 groups", "[2,8,8,8]"}, [&] {
    group_norm(tape_, image({2, 8, 8, 8}), gamma_, beta_, 3);
  });
  expect_error(ErrorKind::kInternal, {"group_norm", "n.weight", "[4]", "[8]"}, [&] {
    group_norm(tape_, image({2, 8, 8, 4}), gamma_, beta_, 2);
  });
}

TEST_F(OpsErrorTest, AddShortcutAndPools) {
  expect_error(ErrorKind::kInternal, {"add", "[2,8,8,4]", "[2,4,4,4]"}, [&] {
    add(tape_, image({2, 8, 8, 4}), image({2, 4, 4, 4}));
  });
  expect_error(ErrorKind::kInternal, {"shortcut", "[2,8,8,4]", "7 channels"}, [&] {
    shortcut(tape_, image({2, 8, 8, 4}), 2, 7);
  });
  expect_error(ErrorKind::kInternal, {"pool", "3x3 window", "[2,2,2,4]"}, [&] {
    pool(tape_, image({2, 2, 2, 4}), Pooling::kMax, {.size = 3, .stride = 1, .pad = 0});
  });
  expect_error(ErrorKind::kInternal, {"pool", "17x17 window (at most 16)"}, [&] {
    pool(tape_, image({2, 32, 32, 4}), Pooling::kMax, {.size = 17, .stride = 1, .pad = 0});
  });
  expect_error(ErrorKind::kInternal, {"global_average_pool", "[2,8]"}, [&] {
    global_average_pool(tape_, image({2, 8}));
  });
}

TEST_F(OpsErrorTest, LinearAndLoss) {
  expect_error(ErrorKind::kInternal, {"linear", "l.weight", "[O,7]", "fp32 [2,7]", "[5,8]"}, [&] {
    linear(tape_, image({2, 7}), weight_, bias_);
  });
  expect_error(ErrorKind::kInternal, {"linear", "n.bias", "[5]", "[8]"}, [&] {
    linear(tape_, image({2, 8}), weight_, beta_);
  });
  expect_error(ErrorKind::kInternal, {"softmax_cross_entropy", "int32 [2]", "int32 [3]"}, [&] {
    softmax_cross_entropy(tape_, image({2, 5}), environment_.labels({0, 1, 2}).view());
  });
  expect_error(ErrorKind::kInternal, {"softmax_cross_entropy", "int32 [2]", "fp32 [2]"}, [&] {
    softmax_cross_entropy(tape_, image({2, 5}), image({2}).view());
  });
  expect_error(ErrorKind::kInternal, {"label smoothing", "from 0 to 1", "1.5"}, [&] {
    softmax_cross_entropy(tape_, image({2, 5}), environment_.labels({0, 1}).view(), 1.5f);
  });
}

}  // namespace
}  // namespace drift
