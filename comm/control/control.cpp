// The thread of a control channel: it waits for frames of others and of this process, and looks who has been silent too
// long. What process 0 says, all obey, itself too.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <poll.h>
#include <source_location>
#include <sstream>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "comm/control/hub.h"
#include "comm/control/rendezvous.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/thread_team.h"

namespace drift {
namespace {

constexpr int kHub = 0;
// How long a process waits for process 0 to leave first, once the team has failed.
constexpr std::chrono::seconds kPatience{10};
// How long what is told may wait for others to go with it.
constexpr double kTellEverySeconds = 0.2;

class TcpControl final : public Control {
 public:
  // peers: process 0 has all others; the others have process 0. door: of process 0.
  TcpControl(const ControlOptions& options, std::map<int, Connection> peers, Socket door)
      : options_(options),
        peers_(std::move(peers)),
        door_(std::move(door)),
        hub_(options.processes),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    DRIFT_CHECK(kComm, wake_.descriptor() >= 0, "no descriptor for the control channel is left");
    for (const auto& [process, peer] : peers_) heard_[process] = steady_clock().seconds();
    thread_ = start_thread("the control channel", [this] { run(); });
  }
  ~TcpControl() override {
    post({FrameKind::kBye});
    if (!is_hub()) {
      std::unique_lock lock(mutex_);
      if (failure_) changed_.wait_for(lock, kPatience, [&] { return hub_is_gone_; });
    }
    leaving_ = true;
    wake();
    thread_.join();
    for (auto& [process, peer] : peers_) peer.finish(/*seconds=*/1);
  }

  std::vector<std::string> gather(std::string_view what, std::string_view value) override {
    post({FrameKind::kGather, {std::string(what), std::string(value)}});
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return gathered_ || failure_ || hub_is_gone_; });
    DRIFT_CHECK(kComm, gathered_ || failure_, "process 0 has finished and left, before all gathered '{}'", what);
    if (!gathered_) throw as_error(*failure_);
    return *std::exchange(gathered_, std::nullopt);
  }

  void listen(ControlListener* listener) override {
    const std::lock_guard lock(listener_mutex_);
    listener_ = listener;
    if (listener_ == nullptr) return;
    if (std::exchange(hold_waits_, false)) post({FrameKind::kHeld, {std::to_string(listener_->hold())}});
    if (leave_at_) listener_->leave_at(*leave_at_);
    for (const auto& [process, message] : std::exchange(untold_, {})) listener_->told(process, message);
    const std::lock_guard state(mutex_);
    if (failure_) listener_->failed(*failure_);
  }

  void request_stop() noexcept override { post({FrameKind::kStop}); }
  void tell(std::string message) noexcept override {
    const std::lock_guard lock(mutex_);
    own_.push_back({FrameKind::kTell, {std::move(message)}});
  }
  void fail(ErrorKind kind, std::string_view message) noexcept override {
    post(failure_frame(kind, options_.process, message));
  }
  TeamFailure first_failure() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return failure_ || hub_is_gone_; });
    return failure_.value_or(
        TeamFailure{.kind = ErrorKind::kComm, .process = kHub, .message = "has finished and left", .lost = true});
  }

 private:
  bool is_hub() const { return options_.process == kHub; }

  void wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t wrote = ::write(wake_.descriptor(), &one, sizeof one);
  }
  void post(Frame frame) noexcept {
    {
      const std::lock_guard lock(mutex_);
      own_.push_back(std::move(frame));
    }
    wake();
  }

  // To all, if this is process 0.
  void say(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames) {
      for (auto& [process, peer] : peers_) peer.send(frame);
      obey(frame);
    }
  }

  // What somebody says to process 0.
  void hear(int from, const Frame& frame) {
    if (frame.kind != FrameKind::kTell) return say(hub_.receive(from, frame));
    require_fields(frame, 1);
    const std::lock_guard lock(listener_mutex_);
    if (listener_ == nullptr) {
      untold_.emplace_back(from, frame.fields[0]);
    } else {
      listener_->told(from, frame.fields[0]);
    }
  }

  // What this process wants to have said.
  void say_own() {
    std::deque<Frame> frames;
    {
      const std::lock_guard lock(mutex_);
      frames.swap(own_);
    }
    for (const Frame& frame : frames) {
      if (is_hub()) {
        hear(kHub, frame);
        if (frame.kind == FrameKind::kBye) say({{FrameKind::kBye}});
      } else if (const auto peer = peers_.find(kHub); peer != peers_.end()) {
        peer->second.send(frame);
      } else if (frame.kind == FrameKind::kFailed) {
        obey(frame);
      }
    }
  }

  void obey(const Frame& frame) {
    switch (frame.kind) {
      case FrameKind::kGathered: {
        const std::lock_guard lock(mutex_);
        gathered_ = frame.fields;
        changed_.notify_all();
        return;
      }
      case FrameKind::kHold: {
        const std::lock_guard lock(listener_mutex_);
        if (listener_ == nullptr) {
          hold_waits_ = true;  // answered by whoever listens next
        } else {
          post({FrameKind::kHeld, {std::to_string(listener_->hold())}});
        }
        return;
      }
      case FrameKind::kLeaveAt: {
        require_fields(frame, 1);
        const std::lock_guard lock(listener_mutex_);
        leave_at_ = number_in(frame, 0);
        if (listener_ != nullptr) listener_->leave_at(*leave_at_);
        return;
      }
      case FrameKind::kFailed:
        set_failed(failure_in(frame));
        return;
      case FrameKind::kBye:
        hub_left_ = true;
        return;
      default:
        return;
    }
  }

  void set_failed(TeamFailure failure) {
    const std::lock_guard lock(listener_mutex_);
    {
      const std::lock_guard state(mutex_);
      if (failure_) return;
      failure_ = failure;
      changed_.notify_all();
    }
    if (listener_ != nullptr) listener_->failed(failure);
  }

  void lose(int process, const std::string& how) {
    peers_.erase(process);
    if (is_hub()) {
      say(hub_.lost(process, how));
      return;
    }
    if (!hub_left_ && !leaving_)
      set_failed({.kind = ErrorKind::kComm, .process = process, .message = how, .lost = true});
    hub_is_gone();
  }
  void hub_is_gone() {
    const std::lock_guard lock(mutex_);
    hub_is_gone_ = true;
    changed_.notify_all();
  }

  void serve(int process, short events) {
    const auto found = peers_.find(process);
    if (found == peers_.end()) return;  // lost meanwhile
    Connection& peer = found->second;
    try {
      if (events != 0) {
        while (const std::optional<Frame> frame = peer.read()) {
          heard_[process] = steady_clock().seconds();
          is_hub() ? hear(process, *frame) : obey(*frame);
        }
      }
      peer.write_some();
    } catch (const Error& error) {
      lose(process, error.message());
    }
  }

  // Says that this process is alive, and finds out who is not.
  void beat() {
    const double now = steady_clock().seconds();
    if (now < next_beat_) return;
    next_beat_ = now + beat_seconds();
    std::vector<int> silent;
    for (auto& [process, peer] : peers_) {
      peer.send({FrameKind::kAlive});
      if (now - heard_[process] > options_.timeout_seconds) silent.push_back(process);
    }
    for (const int process : silent) lose(process, fmt::format("silent for {:g} s", options_.timeout_seconds));
  }
  double beat_seconds() const { return std::min(5.0, options_.timeout_seconds / 8); }

  void turn_away() {
    try {
      Connection late(accept_from(door_));
      late.send({FrameKind::kRefused, {"the team is complete"}});
      late.finish(/*seconds=*/0.1);
    } catch (const Error&) {  // gone by itself
    }
  }

  // Whoever loses this thread is lost for the others, and so learns it too.
  void run() noexcept try { serve_all(); } catch (...) {
    peers_.clear();
    const Error error = caught_error(std::current_exception());
    set_failed({.kind = error.kind(), .process = options_.process, .message = error.report()});
    hub_is_gone();
  }
  void serve_all() {
    for (;;) {
      say_own();
      if (leaving_ && nothing_to_say()) return;
      beat();
      std::vector<pollfd> wanted{{wake_.descriptor(), POLLIN, 0}};
      wanted.push_back({door_.descriptor(), POLLIN, 0});
      std::vector<int> processes;
      for (const auto& [process, peer] : peers_) {
        processes.push_back(process);
        wanted.push_back({peer.descriptor(), static_cast<short>(POLLIN | (peer.has_unsent() ? POLLOUT : 0)), 0});
      }
      ::poll(wanted.data(), static_cast<nfds_t>(wanted.size()),
             static_cast<int>(std::min(beat_seconds(), kTellEverySeconds) * 1e3) + 1);
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t read = ::read(wake_.descriptor(), &count, sizeof count);
      if (wanted[1].revents != 0) turn_away();
      for (std::size_t i = 0; i < processes.size(); ++i) serve(processes[i], wanted[i + 2].revents);
    }
  }
  bool nothing_to_say() {
    const std::lock_guard lock(mutex_);
    return own_.empty();
  }

  const ControlOptions options_;
  // Of the channel's thread, once it runs.
  std::map<int, Connection> peers_;
  Socket door_;
  Hub hub_;
  std::map<int, double> heard_;
  double next_beat_ = 0;
  bool hub_left_ = false;

  Socket wake_;
  std::atomic<bool> leaving_{false};
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::deque<Frame> own_;
  std::optional<std::vector<std::string>> gathered_;
  std::optional<TeamFailure> failure_;
  bool hub_is_gone_ = false;

  std::mutex listener_mutex_;  // of what follows; taken before the other
  ControlListener* listener_ = nullptr;
  std::vector<std::pair<int, std::string>> untold_;  // while nobody listened
  bool hold_waits_ = false;
  std::optional<Step> leave_at_;

  std::jthread thread_;
};

// The first lines in which the texts differ.
std::pair<std::string, std::string> first_difference(const std::string& a, const std::string& b) {
  std::istringstream lines_a(a), lines_b(b);
  std::string line_a, line_b;
  do {
    line_a.clear();
    line_b.clear();
    std::getline(lines_a, line_a);
    std::getline(lines_b, line_b);
  } while (line_a == line_b && (lines_a || lines_b));
  return {line_a, line_b};
}

// Of a process that is alone: what it says, it hears at once.
class LoneControl final : public Control {
 public:
  std::vector<std::string> gather(std::string_view, std::string_view value) override {
    const std::lock_guard lock(mutex_);
    if (failure_) throw as_error(*failure_);
    return {std::string(value)};
  }
  void listen(ControlListener* listener) override {
    const std::lock_guard lock(mutex_);
    listener_ = listener;
    if (listener_ == nullptr) return;
    if (stop_requested_) stop();
    if (failure_) listener_->failed(*failure_);
  }
  void request_stop() noexcept override {
    const std::lock_guard lock(mutex_);
    stop_requested_ = true;
    if (listener_ != nullptr) stop();
  }
  void tell(std::string message) noexcept override {
    const std::lock_guard lock(mutex_);
    if (listener_ != nullptr) listener_->told(kHub, message);
  }
  void fail(ErrorKind kind, std::string_view message) noexcept override {
    const std::lock_guard lock(mutex_);
    if (failure_) return;
    failure_ = {.kind = kind, .process = kHub, .message = std::string(message)};
    if (listener_ != nullptr) listener_->failed(*failure_);
  }
  TeamFailure first_failure() override {
    const std::lock_guard lock(mutex_);
    DRIFT_ASSERT(failure_, "nothing has failed");
    return *failure_;
  }

 private:
  void stop() {
    if (!leave_at_) leave_at_ = listener_->hold();
    listener_->leave_at(*leave_at_);
  }

  std::mutex mutex_;
  ControlListener* listener_ = nullptr;
  bool stop_requested_ = false;
  std::optional<Step> leave_at_;
  std::optional<TeamFailure> failure_;
};

}  // namespace

Error as_error(const TeamFailure& failure) {
  return {failure.kind,
          fmt::format("process {}: {}", failure.process, failure.message),
          {},
          std::source_location::current()};
}

void agree(Control& control, std::string_view what, std::string_view value) {
  const std::vector<std::string> values = control.gather(what, value);
  for (std::size_t process = 1; process < values.size(); ++process) {
    if (values[process] == values[0]) continue;
    const auto [theirs, first] = first_difference(values[process], values[0]);
    DRIFT_FAIL(kComm, "process {} has another {} than process 0: '{}' instead of '{}'", process, what, theirs, first);
  }
}

std::unique_ptr<Control> make_control(const ControlOptions& options, Socket door) {
  if (options.processes == 1) return std::make_unique<LoneControl>();
  std::map<int, Connection> peers;
  if (options.process == kHub) {
    peers = wait_for_members(door, options);
  } else {
    peers.emplace(kHub, join_team(options));
  }
  return std::make_unique<TcpControl>(options, std::move(peers), std::move(door));
}

}  // namespace drift
