// PhaseClock on a clock that the test moves: which time goes to which phase.
#include "train/step/phase_clock.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>

#include "kernels/observed/forwarding_backend.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

class MovedClock final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  void run(const Op& op) override {
    if (const auto* const stamp = std::get_if<Stamp>(&op)) {
      std::fill_n(stamp->y.as<std::int64_t>(), stamp->y.elements(), nanoseconds);
    } else {
      inner().run(op);
    }
  }
  void pass(std::int64_t seconds) { nanoseconds += seconds * 1'000'000'000; }
  std::int64_t nanoseconds = 5;
};

class PhaseClockTest : public ::testing::Test {
 protected:
  PhaseClockTest() : stream_(make_stream(Device{}, 1)), cpu_(make_backend(*stream_)), backend_(*cpu_), clock_({}) {}

  void upload_and_gradients() {
    clock_.begin(StepPhase::kUpload, backend_);
    backend_.pass(1);
    clock_.end(StepPhase::kUpload, backend_);
    backend_.pass(100);  // the device has nothing to do
    clock_.begin(StepPhase::kForward, backend_);
    backend_.pass(2);
    clock_.end(StepPhase::kForward, backend_);
    backend_.pass(4);
    clock_.end(StepPhase::kBackward, backend_);
  }
  void end_after(std::int64_t seconds, StepPhase phase) {
    backend_.pass(seconds);
    clock_.end(phase, backend_);
  }
  static void expect(const StepTimes& times, double update, double comm) {
    EXPECT_DOUBLE_EQ(times.upload_seconds, 1);
    EXPECT_DOUBLE_EQ(times.forward_seconds, 2);
    EXPECT_DOUBLE_EQ(times.backward_seconds, 4);
    EXPECT_DOUBLE_EQ(times.update_seconds, update);
    EXPECT_DOUBLE_EQ(times.comm_seconds, comm);
    EXPECT_DOUBLE_EQ(times.compute_seconds(), 7 + update);
    EXPECT_EQ(times.data_seconds + times.enqueue_seconds + times.comm_host_seconds, 0);
  }

  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> cpu_;
  MovedClock backend_;
  PhaseClock clock_;
};

TEST_F(PhaseClockTest, WhereAPhaseEndsTheNextOneBegins) {
  upload_and_gradients();
  end_after(8, StepPhase::kGradientAverage);
  end_after(16, StepPhase::kUpdate);
  clock_.step_done(backend_);
  expect(clock_.take(), 16, 8);
}

TEST_F(PhaseClockTest, APhaseThatSaysWhenItBeginsHasNothingOfTheTimeBefore) {
  upload_and_gradients();
  backend_.pass(1000);  // waiting for a lane
  clock_.begin(StepPhase::kGradientAverage, backend_);
  end_after(8, StepPhase::kGradientAverage);
  backend_.pass(1000);
  clock_.begin(StepPhase::kUpdate, backend_);
  end_after(16, StepPhase::kUpdate);
  clock_.step_done(backend_);
  expect(clock_.take(), 16, 8);
}

// What the step before left is not taken for this one's.
TEST_F(PhaseClockTest, PhasesThatDoNotComeTakeNoTime) {
  for (const bool ends_round : {true, false}) {
    upload_and_gradients();
    end_after(16, StepPhase::kUpdate);
    if (ends_round) end_after(32, StepPhase::kParameterAverage);
    clock_.step_done(backend_);
  }
  expect(clock_.take(), 16, 32);
  expect(clock_.take(), 16, 0);
  EXPECT_EQ(testing::error_of([&] { clock_.take(); }).kind(), ErrorKind::kInternal);
}

}  // namespace
}  // namespace drift
