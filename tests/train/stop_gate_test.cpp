// How workers that are apart leave at one step, and which error is kept.
#include "train/stop_gate.h"

#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "core/check.h"

namespace drift {
namespace {

// Says to a gate what a control channel would.
class Says final : public ControlListener {
 public:
  explicit Says(StopGate& gate) : gate_(gate) {}
  Step hold() override { return gate_.hold(); }
  void leave_at(Step step) override { gate_.leave_at(step); }
  void failed(const TeamFailure&) override {}
  void told(int, std::string_view) override {}

 private:
  StopGate& gate_;
};

TEST(StopGate, EndsWithTheFurthestStepThatAnyoneEntered) {
  std::atomic<bool> stop = false;
  const std::unique_ptr<Control> control = make_control({});
  StopGate gate(*control);
  Says listener(gate);
  control->listen(&listener);
  gate.open(10, 20, stop);
  for (Step step = 10; step < 14; ++step) EXPECT_TRUE(gate.enter(step));  // one worker is ahead
  EXPECT_TRUE(gate.enter(10));                                            // the other one behind
  stop = true;
  EXPECT_TRUE(gate.enter(11));  // sees the request, but the first is in step 13
  EXPECT_FALSE(gate.enter(14));
  EXPECT_TRUE(gate.enter(12));
  EXPECT_TRUE(gate.enter(13));
  EXPECT_FALSE(gate.enter(14));
  EXPECT_EQ(gate.end(), 14);
  EXPECT_TRUE(gate.leaves());
  EXPECT_NO_THROW(gate.rethrow());
}

// Of several workers none slips through while another asks.
TEST(StopGate, ARequestThatIsThereFirstLetsNobodyIn) {
  const std::atomic<bool> stop = true;
  const std::unique_ptr<Control> control = make_control({});
  StopGate gate(*control);
  Says listener(gate);
  control->listen(&listener);
  gate.open(10, 20, stop);
  EXPECT_EQ(gate.end(), 10);
  EXPECT_FALSE(gate.enter(10));
}

// As in a team: others are further.
TEST(StopGate, HoldsWorkersUntilTheTeamSaysWhereItLeaves) {
  const std::atomic<bool> stop = false;
  const std::unique_ptr<Control> control = make_control({});
  StopGate gate(*control);
  gate.open(0, 20, stop);
  EXPECT_TRUE(gate.enter(0));
  EXPECT_EQ(gate.hold(), 1);
  std::atomic<Step> entered = 1;
  std::jthread worker([&] {
    while (gate.enter(entered)) ++entered;
  });
  EXPECT_EQ(gate.hold(), 1);  // however long it waits
  gate.leave_at(3);
  worker.join();
  EXPECT_EQ(entered, 3);
  EXPECT_EQ(gate.end(), 3);
  gate.open(3, 20, stop);
  EXPECT_FALSE(gate.enter(3));
  EXPECT_EQ(gate.end(), 3);
}

TEST(StopGate, AnErrorEndsTheWaitOfThoseHeld) {
  const std::atomic<bool> stop = false;
  const std::unique_ptr<Control> control = make_control({});
  StopGate gate(*control);
  gate.open(0, 20, stop);
  gate.hold();
  std::jthread worker([&] { EXPECT_FALSE(gate.enter(0)); });
  gate.fail(std::make_exception_ptr(Error(ErrorKind::kData, "text", "", std::source_location::current())));
}

TEST(StopGate, KeepsTheCauseRatherThanItsConsequences) {
  const std::atomic<bool> stop = false;
  const auto error = [](ErrorKind kind) {
    return std::make_exception_ptr(Error(kind, "text", "", std::source_location::current()));
  };
  const auto kept = [&](std::vector<ErrorKind> kinds) {
    const std::unique_ptr<Control> control = make_control({});
    StopGate gate(*control);
    gate.open(0, 5, stop);
    EXPECT_TRUE(gate.enter(0));
    for (const ErrorKind kind : kinds) gate.fail(error(kind));
    EXPECT_FALSE(gate.enter(1));
    try {
      gate.rethrow();
    } catch (const Error& e) {
      return e.kind();
    }
    return ErrorKind::kInternal;
  };
  EXPECT_EQ(kept({ErrorKind::kData, ErrorKind::kComm}), ErrorKind::kData);
  EXPECT_EQ(kept({ErrorKind::kComm, ErrorKind::kDiverged, ErrorKind::kData}), ErrorKind::kDiverged);
  EXPECT_EQ(kept({ErrorKind::kComm, ErrorKind::kComm}), ErrorKind::kComm);
}

}  // namespace
}  // namespace drift
