// How workers that are apart leave at one step, and which error is kept.
#include "train/stop_gate.h"

#include <gtest/gtest.h>
#include <vector>

#include "core/check.h"

namespace drift {
namespace {

TEST(StopGate, EndsWithTheFurthestStepThatAnyoneEntered) {
  std::atomic<bool> stop = false;
  StopGate gate(10, 20, stop);
  for (Step step = 10; step < 14; ++step) EXPECT_TRUE(gate.enter(step));  // one worker is ahead
  EXPECT_TRUE(gate.enter(10));                                            // the other one behind
  stop = true;
  EXPECT_TRUE(gate.enter(11));  // sees the request, but the first is in step 13
  EXPECT_FALSE(gate.enter(14));
  EXPECT_TRUE(gate.enter(12));
  EXPECT_TRUE(gate.enter(13));
  EXPECT_FALSE(gate.enter(14));
  EXPECT_EQ(gate.end(), 14);
  EXPECT_NO_THROW(gate.rethrow());
}

TEST(StopGate, KeepsTheCauseRatherThanItsConsequences) {
  const std::atomic<bool> stop = false;
  const auto error = [](ErrorKind kind) {
    return std::make_exception_ptr(Error(kind, "text", "", std::source_location::current()));
  };
  const auto kept = [&](std::vector<ErrorKind> kinds) {
    StopGate gate(0, 5, stop);
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
