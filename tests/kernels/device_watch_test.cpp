// Waits for a device whose time a test sets.
#include "kernels/device_watch.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/hand_clock.h"

namespace drift::testing {
namespace {

constexpr Device kGpu{DeviceType::kCuda, 3};

class DeviceWatches : public ::testing::Test {
 protected:
  HandClock clock_;
  std::vector<double> sleeps_;
  DeviceWatch watch_{clock_, [this](double seconds) {
                       sleeps_.push_back(seconds);
                       clock_.now += seconds;
                     }};
};

TEST_F(DeviceWatches, SleepLongerTheLongerAWaitLastsAndNeverAnEighthOfIt) {
  watch_.wait(kGpu, [] { return true; });
  EXPECT_TRUE(sleeps_.empty());
  watch_.wait(kGpu, [this] { return clock_.now > 0.1; });
  EXPECT_TRUE(std::is_sorted(sleeps_.begin(), sleeps_.end()));
  EXPECT_LE(sleeps_.front(), 20e-6);
  EXPECT_GE(sleeps_.back(), 0.5e-3);
  EXPECT_LE(clock_.now, 0.1 * 1.125);
  EXPECT_LT(sleeps_.size(), 300U);
}

TEST_F(DeviceWatches, GiveUpWhereNothingGoesOn) {
  watch_.set_timeout(2);
  try {
    watch_.wait(kGpu, [] { return false; });
    FAIL() << "it returned";
  } catch (const DeviceTimeout& error) {
    EXPECT_NE(error.message().find("cuda:3 has not gone on for 2 s"), std::string::npos) << error.message();
    EXPECT_EQ(error.kind(), ErrorKind::kDevice);
  }
  EXPECT_NEAR(clock_.now, 2, 0.01);
  EXPECT_TRUE(watch_.gave_up());
  EXPECT_THROW(watch_.wait(kGpu, [] { return true; }), DeviceTimeout);  // at once
  EXPECT_NEAR(clock_.now, 2, 0.01);
}

// Another thread's wait may end meanwhile: here one within the other's look.
TEST_F(DeviceWatches, CountFromTheLastProgressOfAnyWait) {
  watch_.set_timeout(2);
  bool came = false;
  EXPECT_THROW(watch_.wait(kGpu,
                           [&] {
                             if (!came && clock_.now > 1.5) {
                               came = true;
                               watch_.wait(kGpu, [] { return true; });
                             }
                             return false;
                           }),
               DeviceTimeout);
  EXPECT_NEAR(clock_.now, 3.5, 0.01);
}

TEST_F(DeviceWatches, DoNotCountTheTimeOfALook) {
  watch_.set_timeout(2);
  int looks = 0;
  watch_.wait(kGpu, [&] {
    clock_.now += 10;
    return ++looks == 3;
  });
  EXPECT_FALSE(watch_.gave_up());
}

TEST_F(DeviceWatches, PassOnWhatALookThrows) {
  EXPECT_THROW(watch_.wait(kGpu, []() -> bool { throw OutOfMemory("none"); }), OutOfMemory);
  EXPECT_FALSE(watch_.gave_up());
}

}  // namespace
}  // namespace drift::testing
