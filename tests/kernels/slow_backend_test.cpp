// SlowBackend on a clock that the test moves: how long it waits, and when.
#include "kernels/observed/slow_backend.h"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "tests/support/fake_backend.h"
#include "tests/support/hand_clock.h"

namespace drift::testing {
namespace {

// Every operation takes so long, stamps nothing.
class TimedBackend final : public FakeBackend {
 public:
  TimedBackend(HandClock& clock, const double& seconds) : clock_(clock), seconds_(seconds) {}
  void run(const Op& op) override {
    if (!std::holds_alternative<Stamp>(op)) clock_.now += seconds_;
  }

 private:
  HandClock& clock_;
  const double& seconds_;
};

class SlowBackendTest : public ::testing::Test {
 protected:
  HandClock clock_;
  double op_seconds_ = 0;
  double late_ = 0;  // by so much each wait is too long
  std::vector<double> waits_;
  SlowBackend slow_{std::make_unique<TimedBackend>(clock_, op_seconds_), /*factor=*/3, clock_, [this](double seconds) {
                      waits_.push_back(seconds);
                      clock_.now += seconds + late_;
                    }};
};

TEST_F(SlowBackendTest, AnOperationTakesFactorTimesAsLong) {
  op_seconds_ = 0.5;
  slow_.fill({}, 0);
  ASSERT_EQ(waits_.size(), 1u);
  EXPECT_DOUBLE_EQ(waits_[0], 1);
  EXPECT_DOUBLE_EQ(clock_.now, 1.5);
}

TEST_F(SlowBackendTest, ShortOnesArePaidTogetherAndBeforeAStamp) {
  op_seconds_ = 0.2e-3;
  slow_.fill({}, 0);
  slow_.fill({}, 0);
  EXPECT_TRUE(waits_.empty());
  slow_.fill({}, 0);  // owes 1.2 ms now
  ASSERT_EQ(waits_.size(), 1u);
  EXPECT_NEAR(waits_[0], 1.2e-3, 1e-12);
  slow_.fill({}, 0);
  slow_.stamp({});
  ASSERT_EQ(waits_.size(), 2u);
  EXPECT_NEAR(clock_.now, 3 * 4 * 0.2e-3, 1e-12) << "when the device comes to the stamp";
  slow_.stamp({});
  EXPECT_EQ(waits_.size(), 2u) << "nothing is owed";
}

TEST_F(SlowBackendTest, AWaitThatWasTooLongIsMadeGood) {
  op_seconds_ = 1;
  late_ = 0.5;
  slow_.fill({}, 0);
  slow_.fill({}, 0);
  ASSERT_EQ(waits_.size(), 2u);
  EXPECT_DOUBLE_EQ(waits_[0], 2);
  EXPECT_DOUBLE_EQ(waits_[1], 1.5);
}

}  // namespace
}  // namespace drift::testing
