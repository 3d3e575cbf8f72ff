// The control channel, with processes that are threads.
#include "comm/control.h"

#include <condition_variable>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <optional>
#include <sys/socket.h>
#include <thread>

#include "comm/control/rendezvous.h"
#include "core/thread_team.h"
#include "tests/support/error_of.h"

namespace drift::testing {
namespace {

class Listener final : public ControlListener {
 public:
  explicit Listener(Step entered = 0) : entered_(entered) {}

  Step hold() override { return entered_; }
  void leave_at(Step step) override {
    tell([&] { left_at_ = step; });
  }
  void failed(const TeamFailure& failure) override {
    tell([&] { failure_ = failure; });
  }
  void told(int process, std::string_view message) override {
    heard.push_back(fmt::format("{}: {}", process, message));
  }

  std::vector<std::string> heard;

  // Both wait until it has happened.
  Step left_at() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return left_at_.has_value(); });
    return *left_at_;
  }
  TeamFailure failure() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_.has_value(); });
    return *failure_;
  }

 private:
  template <class Change>
  void tell(const Change& change) {
    const std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }

  Step entered_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Step> left_at_;
  std::optional<TeamFailure> failure_;
};

ControlOptions options_of(int processes, int port, int process) {
  return {.process = process, .processes = processes, .port = port, .token = "job 7", .timeout_seconds = 60};
}

// Runs `process` as each of them, with its end of one channel.
void run_team(int processes, const std::function<void(int, Control&)>& process) {
  Socket door = listen_on(0);
  const int port = port_of(door);
  ThreadTeam("the processes", processes, [&](int p, const std::stop_token&) {
    process(p, *make_control(options_of(processes, port, p), p == 0 ? std::move(door) : Socket()));
  });
}

TEST(Control, GathersTheValuesOfAll) {
  for (const int processes : {1, 2, 5}) {
    run_team(processes, [&](int p, Control& control) {
      for (int round = 0; round < 20; ++round) {
        const std::vector<std::string> values = control.gather("round", fmt::format("{} of {}", round, p));
        ASSERT_EQ(std::ssize(values), processes);
        for (int q = 0; q < processes; ++q) {
          EXPECT_EQ(values[static_cast<std::size_t>(q)], fmt::format("{} of {}", round, q));
        }
      }
    });
  }
}

TEST(Control, AgreementNamesWhoDiffers) {
  run_team(3, [](int p, Control& control) {
    agree(control, "config", "same");
    const Error line = error_of([&] { agree(control, "config", fmt::format("K = 4\nlr = {}\nH = {}", p / 2, p)); });
    EXPECT_EQ(line.message(), "process 1 has another config than process 0: 'H = 1' instead of 'H = 0'");
    const Error error = error_of([&] { agree(control, "data", p == 2 ? "b1" : "a0"); });
    EXPECT_EQ(error.kind(), ErrorKind::kComm);
    EXPECT_NE(error.message().find("process 2 has another data than process 0: 'b1' instead of 'a0'"),
              std::string::npos)
        << error.message();
  });
}

TEST(Control, ARequestOfAnyoneLetsAllLeaveAtOneStep) {
  for (const int asks : {0, 1, 2}) {
    run_team(3, [&](int p, Control& control) {
      Listener listener(p == 1 ? 600 : 590 + p);
      control.listen(&listener);
      if (p == asks) control.request_stop();
      EXPECT_EQ(listener.left_at(), 600);
      control.gather("end", "");  // nobody goes before all know
      control.listen(nullptr);
    });
  }
}

TEST(Control, WhoListensLaterIsToldWhatHappenedBefore) {
  run_team(2, [](int p, Control& control) {
    if (p == 1) control.request_stop();
    control.gather("asked", "");
    Listener first(40 + p);
    control.listen(&first);
    EXPECT_EQ(first.left_at(), 41);
    Listener second;
    control.listen(&second);
    EXPECT_EQ(second.left_at(), 41);
    control.gather("end", "");
    control.listen(nullptr);
  });
}

TEST(Control, AFailureReachesAllAsItWas) {
  run_team(3, [](int p, Control& control) {
    Listener listener;
    control.listen(&listener);
    if (p == 1) control.fail(ErrorKind::kDiverged, "the loss is nan at step 3");
    const TeamFailure failure = listener.failure();
    EXPECT_EQ(failure.kind, ErrorKind::kDiverged);
    EXPECT_EQ(failure.process, 1);
    EXPECT_EQ(failure.message, "the loss is nan at step 3");
    const Error error = error_of([&] { control.gather("end", ""); });
    EXPECT_EQ(error.kind(), ErrorKind::kDiverged);
    EXPECT_EQ(error.message(), "process 1: the loss is nan at step 3");
    control.listen(nullptr);
  });
}

TEST(Control, WhatIsToldComesBeforeWhatIsGathered) {
  for (const int processes : {1, 3}) {
    run_team(processes, [&](int p, Control& control) {
      control.tell(fmt::format("early of {}", p));  // before anybody listens there
      if (processes > 1) control.gather("early", "");
      Listener listener;
      control.listen(&listener);
      for (int i = 0; i < 3; ++i) control.tell(fmt::format("{} of {}", i, p));
      control.gather("late", "");
      EXPECT_EQ(listener.heard.size(), p == 0 ? (processes == 1 ? 3u : 12u) : 0u);
      for (int q = 0; q < processes && p == 0; ++q) {
        std::vector<std::string> of_one;
        for (const std::string& text : listener.heard) {
          if (text.ends_with(fmt::format("of {}", q))) of_one.push_back(text);
        }
        std::vector<std::string> expected;
        if (processes > 1) expected.push_back(fmt::format("{0}: early of {0}", q));
        for (int i = 0; i < 3; ++i) expected.push_back(fmt::format("{0}: {1} of {0}", q, i));
        EXPECT_EQ(of_one, expected);
      }
      control.listen(nullptr);
    });
  }
}

TEST(Control, TheFirstFailureOfTheTeamIsTheOneOfAll) {
  for (const int processes : {1, 3}) {
    run_team(processes, [&](int p, Control& control) {
      const int first = processes - 1;
      if (p == first) control.fail(ErrorKind::kData, "no such image");
      if (p != first) {
        EXPECT_EQ(error_of([&] { control.gather("next", ""); }).kind(), ErrorKind::kData);
        control.fail(ErrorKind::kComm, "a consequence");
      }
      const TeamFailure failure = control.first_failure();
      EXPECT_EQ(failure.process, first);
      EXPECT_EQ(failure.kind, ErrorKind::kData);
      EXPECT_EQ(failure.message, "no such image");
    });
  }
}

TEST(Control, WhoWaitsForAProcessThatHasFinishedIsTold) {
  run_team(2, [](int p, Control& control) {
    if (p == 0) return;
    const Error error = error_of([&] { control.gather("end", ""); });
    EXPECT_EQ(error.kind(), ErrorKind::kComm);
    EXPECT_EQ(error.message(), "process 0 has finished and left, before all gathered 'end'");
  });
  run_team(3, [](int p, Control& control) {
    if (p == 2) return;
    const Error error = error_of([&] { control.gather("end", ""); });
    EXPECT_EQ(error.message(), "process 2: has finished and left, while others wait for it");
  });
}

// Process 1 is a connection and no more.
class LoneHub : public ::testing::Test {
 protected:
  void start(double timeout_seconds) {
    ControlOptions hub = options_of(2, port_, 0);
    hub.timeout_seconds = timeout_seconds;
    std::jthread joining([&] { member_.emplace(join_team(options_of(2, port_, 1))); });
    control_ = make_control(hub, std::move(door_));
    control_->listen(&listener_);
  }
  void TearDown() override { control_->listen(nullptr); }

  Socket door_ = listen_on(0);
  const int port_ = port_of(door_);
  Listener listener_;
  std::optional<Connection> member_;
  std::unique_ptr<Control> control_;
};

TEST_F(LoneHub, ALostConnectionIsAFailureThatNamesTheProcess) {
  start(60);
  member_.reset();
  const TeamFailure failure = listener_.failure();
  EXPECT_EQ(failure.kind, ErrorKind::kComm);
  EXPECT_EQ(failure.process, 1);
  EXPECT_NE(failure.message.find("is closed"), std::string::npos) << failure.message;
}

TEST_F(LoneHub, SilenceIsAFailureThatNamesTheProcess) {
  start(0.3);
  const TeamFailure failure = listener_.failure();
  EXPECT_EQ(failure.process, 1);
  EXPECT_EQ(failure.message, "silent for 0.3 s");
}

TEST_F(LoneHub, NonsenseOfAMemberIsAFailure) {
  start(60);
  member_->send({FrameKind::kLeaveAt, {"3"}});
  member_->write_some();
  EXPECT_NE(listener_.failure().message.find("says what only process 0 says"), std::string::npos);
}

TEST_F(LoneHub, ALateComerIsTurnedAway) {
  start(60);
  const Error error = error_of([&] { join_team(options_of(2, port_, 1)); });
  EXPECT_EQ(error.message(), "process 0 refuses this process: the team is complete");
}

TEST(Rendezvous, SaysWhoIsNotTaken) {
  const ControlOptions hub = options_of(3, 0, 0);
  const auto hello = [](std::vector<std::string> fields) { return Frame{FrameKind::kHello, std::move(fields)}; };
  EXPECT_EQ(refusal(hello({kControlProtocol, "job 7", "1", "3"}), hub, {}), "");
  EXPECT_EQ(refusal(hello({kControlProtocol, "job 8", "1", "3"}), hub, {}), "it belongs to another job");
  EXPECT_EQ(refusal(hello({kControlProtocol, "job 7", "1", "2"}), hub, {}),
            "it counts 2 processes, process 0 counts 3");
  EXPECT_EQ(refusal(hello({kControlProtocol, "job 7", "3", "3"}), hub, {}), "there is no process 3 to come");
  EXPECT_EQ(refusal(hello({kControlProtocol, "job 7", "0", "3"}), hub, {}), "there is no process 0 to come");
  EXPECT_EQ(refusal(hello({kControlProtocol}), hub, {}), "its greeting is incomplete");
  EXPECT_NE(refusal(hello({"drift control 0", "job 7", "1", "3"}), hub, {}).find("the same version"),
            std::string::npos);
  EXPECT_NE(refusal({FrameKind::kStop}, hub, {}).find("the same version"), std::string::npos);
}

// Foreign programs knock first; they are refused, and who belongs here comes in.
TEST(Rendezvous, StrangersDoNotDisturb) {
  Socket door = listen_on(0);
  const int port = port_of(door);
  std::jthread hub([&] { make_control(options_of(2, port, 0), std::move(door))->gather("all", "here"); });
  const auto knock = [&](const std::string& says) {
    Socket socket = connect_to("localhost", port);
    EXPECT_EQ(::send(socket.descriptor(), says.data(), says.size(), MSG_NOSIGNAL), std::ssize(says));
    return Connection(std::move(socket), "hub");
  };
  const Connection silent = knock("");
  const Connection browser = knock("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  ControlOptions other_job = options_of(2, port, 1);
  other_job.token = "job 8";
  const Error error = error_of([&] { join_team(other_job); });
  EXPECT_EQ(error.kind(), ErrorKind::kConfig);
  EXPECT_EQ(error.message(), "process 0 refuses this process: it belongs to another job");
  make_control(options_of(2, port, 1))->gather("all", "here");
}

TEST(Rendezvous, NamesWhoDidNotCome) {
  ControlOptions hub = options_of(4, 0, 0);
  hub.timeout_seconds = 0.1;
  const Error error = error_of([&] { make_control(hub, listen_on(0)); });
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  EXPECT_NE(error.message().find("process 1, 2, 3 did not come to port"), std::string::npos) << error.message();
}

TEST(Rendezvous, NamesTheHostThatIsNotReached) {
  ControlOptions member = options_of(2, port_of(listen_on(0)), 1);  // nobody listens there any more
  member.timeout_seconds = 0.1;
  const Error error = error_of([&] { make_control(member); });
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  EXPECT_NE(error.message().find("did not reach process 0 within 0.1 s: localhost port"), std::string::npos)
      << error.message();
}

}  // namespace
}  // namespace drift::testing
