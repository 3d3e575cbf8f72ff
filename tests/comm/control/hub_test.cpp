// What process 0 answers, without sockets.
#include "comm/control/hub.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/error_of.h"

namespace drift::testing {
namespace {

using Frames = std::vector<Frame>;

Frame gather(const std::string& what, const std::string& value) {
  return {FrameKind::kGather, {what, value}};
}
Frame held(int step) {
  return {FrameKind::kHeld, {std::to_string(step)}};
}

TEST(Hub, GathersByProcessWhoeverComesFirst) {
  Hub hub(3);
  EXPECT_EQ(hub.receive(2, gather("data", "c")), Frames{});
  EXPECT_EQ(hub.receive(0, gather("data", "a")), Frames{});
  EXPECT_EQ(hub.receive(1, gather("data", "b")), (Frames{{FrameKind::kGathered, {"a", "b", "c"}}}));
  EXPECT_EQ(hub.receive(1, gather("build", "y")), Frames{});
}

TEST(Hub, FailsWhenProcessesAskForDifferentThings) {
  Hub hub(2);
  hub.receive(1, gather("build", "x"));
  const Frames answer = hub.receive(0, gather("data", "x"));
  ASSERT_EQ(answer.size(), 1u);
  EXPECT_EQ(answer[0].kind, FrameKind::kFailed);
  EXPECT_EQ(answer[0].fields[1], "1");
  EXPECT_NE(answer[0].fields[2].find("asks for 'build' while process 0 asks for 'data'"), std::string::npos);
}

TEST(Hub, LetsAllLeaveBehindTheFurthestStep) {
  Hub hub(3);
  EXPECT_EQ(hub.receive(1, {FrameKind::kStop}), (Frames{{FrameKind::kHold}}));
  EXPECT_EQ(hub.receive(2, {FrameKind::kStop}), Frames{});  // one request is enough
  EXPECT_EQ(hub.receive(0, held(5)), Frames{});
  EXPECT_EQ(hub.receive(2, held(9)), Frames{});
  EXPECT_EQ(hub.receive(1, held(7)), (Frames{{FrameKind::kLeaveAt, {"9"}}}));
}

TEST(Hub, TheFirstFailureIsTheOne) {
  Hub hub(3);
  const Frame first = failure_frame(ErrorKind::kDiverged, 2, "the loss is nan");
  EXPECT_EQ(hub.receive(2, first), Frames{first});
  EXPECT_EQ(hub.receive(1, failure_frame(ErrorKind::kComm, 1, "process 2 is gone")), Frames{});
  EXPECT_EQ(hub.lost(2, "closed"), Frames{});
}

TEST(Hub, WhoSaysGoodByeMayGo) {
  Hub hub(2);
  hub.receive(1, {FrameKind::kBye});
  EXPECT_EQ(hub.lost(1, "closed"), Frames{});
}

TEST(Hub, ALostProcessIsAFailureThatNamesIt) {
  Hub hub(2);
  const Frames answer = hub.lost(1, "the connection is closed");
  EXPECT_EQ(answer, Frames{failure_frame(ErrorKind::kComm, 1, "the connection is closed")});
}

TEST(Hub, RefusesWhatAMemberNeverSays) {
  Hub hub(2);
  for (const Frame& frame :
       {Frame{FrameKind::kLeaveAt, {"3"}}, Frame{FrameKind::kHeld, {"3x"}}, Frame{FrameKind::kHeld, {}},
        Frame{FrameKind::kGather, {"data"}}, Frame{FrameKind::kFailed, {"99", "1", "why"}}}) {
    EXPECT_EQ(error_of([&] { hub.receive(1, frame); }).kind(), ErrorKind::kComm);
  }
}

}  // namespace
}  // namespace drift::testing
