// One replica by itself: what each call changes, and that results are taken once, in order.
#include "train/step/worker.h"

#include <gtest/gtest.h>

#include "core/check.h"
#include "tests/train/toy_run.h"
#include "train/replicas.h"

namespace drift {
namespace {

using testing::toy_config;
using testing::toy_data;

class WorkerTest : public ::testing::Test {
 protected:
  static std::vector<float> copy_of(std::span<const float> arena) { return {arena.begin(), arena.end()}; }
  std::vector<float> values() { return copy_of(worker_.parameters().values()); }
  std::vector<float> gradients() { return copy_of(worker_.parameters().gradients()); }

  const DataSource data_ = toy_data(40);
  const TrainConfig config_ = toy_config(2, 4, 8);
  Replicas replicas_{config_, data_, {.workers = config_.sync.workers}, Device{}, ThreadLayout{}};
  Worker& worker_ = replicas_.worker(1);
  MemoryPool pool_{Device{}};
};

TEST_F(WorkerTest, GradientsChangeTheGradientArenaAndTheUpdateTheRest) {
  const auto before = values();
  EXPECT_EQ(gradients(), std::vector<float>(before.size(), 0.0f));
  worker_.forward_backward(worker_.next_batch(), 0.05, pool_);
  EXPECT_EQ(values(), before);
  const auto gradient = gradients();
  EXPECT_NE(gradient, std::vector<float>(before.size(), 0.0f));
  worker_.update();
  EXPECT_NE(values(), before);
  EXPECT_EQ(gradients(), gradient);
}

TEST_F(WorkerTest, ALocalStepIsBothInOne) {
  Replicas other(config_, data_, {.workers = config_.sync.workers}, Device{}, ThreadLayout{});
  worker_.forward_backward(worker_.next_batch(), 0.05, pool_);
  worker_.update();
  Worker& again = other.worker(1);
  again.local_step(again.next_batch(), 0.05, pool_);
  EXPECT_EQ(copy_of(again.parameters().values()), values());
  EXPECT_EQ(again.take_result().loss, worker_.take_result().loss);
}

TEST_F(WorkerTest, TouchesNobodyElse) {
  const auto before = copy_of(replicas_.parameters(0).values());
  worker_.local_step(worker_.next_batch(), 0.05, pool_);
  EXPECT_EQ(copy_of(replicas_.parameters(0).values()), before);
}

TEST_F(WorkerTest, ResultsAreTakenOnceInOrder) {
  std::vector<double> losses;
  for (int step = 0; step < 2; ++step) worker_.local_step(worker_.next_batch(), 0.05, pool_);
  EXPECT_EQ(worker_.results_waiting(), 2);
  EXPECT_EQ(worker_.results_due(), 2);  // on a CPU they are there at once
  const double first = worker_.take_result().loss, second = worker_.take_result().loss;
  EXPECT_NE(first, second);
  EXPECT_THROW(worker_.take_result(), Error);

  Replicas other(config_, data_, {.workers = config_.sync.workers}, Device{}, ThreadLayout{});
  Worker& again = other.worker(1);
  again.local_step(again.next_batch(), 0.05, pool_);
  EXPECT_EQ(again.take_result().loss, first);
  again.local_step(again.next_batch(), 0.05, pool_);
  EXPECT_EQ(again.take_result().loss, second);
}

TEST_F(WorkerTest, TooManyUntakenResultsAreAnError) {
  const Batch batch = worker_.next_batch();
  for (std::int64_t i = 0; i < DownloadRing::kCapacity; ++i) worker_.forward_backward(batch, 0.05, pool_);
  EXPECT_THROW(worker_.forward_backward(batch, 0.05, pool_), Error);
}

TEST_F(WorkerTest, TimesAreThoseOfTheirStep) {
  worker_.forward_backward(worker_.next_batch(), 0.05, pool_);
  worker_.update();
  worker_.step_done();
  worker_.local_step(worker_.next_batch(), 0.05, pool_);
  worker_.phase_begins(StepPhase::kParameterAverage);
  worker_.phase_ends(StepPhase::kParameterAverage);
  worker_.step_done();
  for (const bool averages : {false, true}) {
    const StepTimes times = worker_.take_times();
    for (const double part : {times.upload_seconds, times.forward_seconds, times.backward_seconds, times.update_seconds,
                              times.data_seconds}) {
      EXPECT_GT(part, 0);
    }
    EXPECT_EQ(times.comm_seconds > 0, averages);
    EXPECT_GE(times.enqueue_seconds, times.compute_seconds()) << "on a CPU what is enqueued is done";
  }
  EXPECT_THROW(worker_.take_times(), Error);
}

}  // namespace
}  // namespace drift
