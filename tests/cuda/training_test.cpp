// Whole runs on a CUDA device: the losses and replicas of the CPU backend, the same bits with and without captured
// steps, nothing allocated in the step loop.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <string>

#include "data/open_data.h"
#include "kernels/cuda.h"
#include "tests/support/require_gpu.h"
#include "tests/train/toy_run.h"

namespace drift {
namespace {

using testing::run_toy;
using testing::toy_config;
using testing::toy_data;
using testing::ToyRun;

class CudaTraining : public ::testing::Test {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }

  const DataSource data_ = toy_data(48);
};

TrainConfig on_gpu(TrainConfig config) {
  config.machine.device = "cuda:0";
  return config;
}

// Post-local SGD with K = 2: two synchronous steps, then rounds of two, so that both kinds of step are captured.
TrainConfig post_local(const std::string& norm) {
  TrainConfig config = toy_config(2, 2, 8);
  config.model.norm = norm;
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 4;
  config.sync.outer = {Outer::kNesterov, 0.7, 0.8};
  return config;
}

double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm += double{b[i]} * b[i];
  }
  return difference == 0 ? 0 : std::sqrt(difference / norm);
}

void expect_near(const ToyRun& got, const ToyRun& want, double tolerance) {
  ASSERT_EQ(got.steps.size(), want.steps.size());
  for (std::size_t i = 0; i < got.steps.size(); ++i) {
    EXPECT_NEAR(got.steps[i].loss, want.steps[i].loss, tolerance * std::abs(want.steps[i].loss)) << "step " << i;
  }
  for (std::size_t k = 0; k < got.workers.size(); ++k) {
    EXPECT_LT(relative_difference(got.workers[k].values, want.workers[k].values), tolerance) << "worker " << k;
    EXPECT_LT(relative_difference(got.workers[k].buffers, want.workers[k].buffers), tolerance) << "worker " << k;
  }
}

// Both backends are within such a distance of the same run in double precision (tests/oracles/oracle_test.cpp: rounding
// alone leaves 1e-5 where all is smooth; a ReLU that rounding pushes across zero, 1e-3), so of each other within twice
// that.
TEST_F(CudaTraining, SmoothNetIsThatOfTheCpu) {
  TrainConfig config = post_local("group");
  for (const double clip : {0.0, 0.25}) {
    config.optimizer.clip_grad_norm = clip;
    config.data.label_smoothing = clip;
    config.data.label_noise = clip;
    expect_near(run_toy(on_gpu(config), data_), run_toy(config, data_), 2e-5);
  }
}

TEST_F(CudaTraining, BatchNormNetIsThatOfTheCpu) {
  TrainConfig config = post_local("batch");
  const ToyRun cpu = run_toy(config, data_);
  const ToyRun own = run_toy(on_gpu(config), data_);
  expect_near(own, cpu, 2e-3);
  config.machine.batch_norm = BatchNormKernels::kCudnn;  // two workers, half of the multiprocessors each
  const ToyRun cudnn = run_toy(on_gpu(config), data_);
  expect_near(cudnn, cpu, 2e-3);
  EXPECT_NE(testing::losses(cudnn.steps), testing::losses(own.steps));
}

// ResNet-50 at 64x64: bottlenecks, strided and 1x1 and 7x7 convolutions, max pooling. One step: batch norms over few
// pixels make the next one another's.
TEST_F(CudaTraining, AStepOfResNet50IsThatOfTheCpu) {
  TrainConfig config = toy_config(1, 1, 1);
  config.model = {.name = "resnet50", .classes = 10, .zero_init_residual = true};
  config.sync.local_batch = 2;
  const DataSource images = open_data("synthetic:64:10", 1);
  expect_near(run_toy(on_gpu(config), images), run_toy(config, images), 2e-3);
}

// Unit roundoff of bfloat16 is 2^-8; a step passes 7 convolutions, and the losses of a few steps stay within some of
// them.
TEST_F(CudaTraining, BFloat16LossesAreNearThoseOfFloat32) {
  TrainConfig config = on_gpu(post_local("batch"));
  const ToyRun fp32 = run_toy(config, data_);
  config.machine.precision = DType::kBFloat16;
  const ToyRun bf16 = run_toy(config, data_);
  for (std::size_t i = 0; i < fp32.steps.size(); ++i) {
    EXPECT_NEAR(bf16.steps[i].loss, fp32.steps[i].loss, 0.1 * fp32.steps[i].loss) << "step " << i;
  }
  EXPECT_NE(testing::losses(bf16.steps), testing::losses(fp32.steps));
}

// On 32x32 images with two blocks a stage bf16 has gradients that convolutions add (kernels/cuda/gradient_addition.h).
// After one step the momentum is the gradient, decay included.
TEST_F(CudaTraining, GradientsThatConvolutionsAddAreNearThoseOfFloat32) {
  TrainConfig config = on_gpu(toy_config(1, 1, 1));
  config.model = {.name = "cifar-resnet14", .classes = 10};
  const DataSource images = open_data("shapes:16:4", 1);
  const std::vector<float> fp32 = run_toy(config, images).workers.front().momentum;
  config.machine.precision = DType::kBFloat16;
  EXPECT_LT(relative_difference(run_toy(config, images).workers.front().momentum, fp32), 0.03);
}

TEST_F(CudaTraining, ReplayedStepsAreTheEagerOnes) {
  TrainConfig config = on_gpu(post_local("batch"));
  config.optimizer.clip_grad_norm = 0.25;
  const ToyRun captured = run_toy(config, data_);
  config.machine.graphs = false;
  const ToyRun eager = run_toy(config, data_);
  testing::expect_same_bits(captured, eager);
}

TEST_F(CudaTraining, TimesOfOperationsComeWithoutChangingBits) {
  TrainConfig config = on_gpu(post_local("batch"));
  config.machine.graphs = false;
  const ToyRun plain = run_toy(config, data_);
  config.machine.op_times = true;
  Trainer trainer(config, data_);
  testing::StepLog log;
  testing::run_to(trainer, 8, log);
  testing::expect_same_bits({.steps = log.steps, .workers = trainer.checkpoint().workers}, plain);
  const auto times = trainer.op_times();
  EXPECT_EQ(times.at("conv2d_forward").calls, 2 * 8 * 7);  // workers, steps, convolutions of ResNet-8
  EXPECT_EQ(times.at("augment").calls, 2 * 8);
  EXPECT_EQ(times.at("average").calls, 4 + 2);  // of gradients in each synchronous step, of parameters in each round
  for (const auto& [kind, time] : times) {
    if (kind == Download::kName) continue;  // the host waits in it
    EXPECT_GE(time.timed, 1) << kind;
    EXPECT_GT(time.milliseconds, 0) << kind;
  }

  config.machine.device = "cpu";
  Trainer on_cpu(config, data_);
  testing::run_to(on_cpu, 8, log);
  EXPECT_EQ(on_cpu.op_times().at("conv2d_forward").cost.multiply_adds, times.at("conv2d_forward").cost.multiply_adds);
}

TEST_F(CudaTraining, StepsAllocateNothingOnceCaptured) {
  const TrainConfig config = on_gpu(post_local("batch"));
  Trainer trainer(config, data_);
  testing::StepLog log;
  testing::run_to(trainer, 6, log);  // both kinds of step have run and were captured
  const std::int64_t before = Storage::allocations();
  testing::run_to(trainer, 8, log);
  EXPECT_EQ(Storage::allocations(), before);
}

TEST_F(CudaTraining, StoppedAndResumedIsTheUninterruptedRun) {
  const TrainConfig config = on_gpu(post_local("batch"));
  const ToyRun whole = run_toy(config, data_);
  Trainer first(config, data_);
  testing::StepLog log;
  testing::run_to(first, 5, log);
  Trainer second(config, data_);
  second.restore(first.checkpoint());
  testing::run_to(second, 8, log);
  testing::expect_same_bits({.steps = log.steps, .workers = second.checkpoint().workers}, whole);
}

TEST_F(CudaTraining, EvaluationIsThatOfTheCpu) {
  const TrainConfig config = post_local("group");
  Trainer gpu(on_gpu(config), data_);
  Trainer cpu(config, data_);
  const EvalRecord got = gpu.evaluate();
  const EvalRecord want = cpu.evaluate();
  EXPECT_EQ(got.correct, want.correct);
  EXPECT_NEAR(got.loss, want.loss, 1e-5 * want.loss);
}

}  // namespace
}  // namespace drift
