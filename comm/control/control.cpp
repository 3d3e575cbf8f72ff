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
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "comm/control/hub.h"
#include "comm/control/rendezvous.h"
#include "core/check.h"
#include "core/clock.h"

namespace drift {
namespace {

constexpr int kHub = 0;

class TcpControl final : public Control {
 public:
  // peers: process 0 has all others; the others have process 0. listener: of process 0.
  TcpControl(const ControlOptions& options, std::map<int, Connection> peers, std::optional<Socket> listener)
      : options_(options),
        peers_(std::move(peers)),
        listener_(std::move(listener)),
        hub_(options.team.processes),
        wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    DRIFT_CHECK(kComm, wake_.descriptor() >= 0, "no descriptor for the control channel is left");
    for (const auto& [process, peer] : peers_) heard_[process] = steady_clock().seconds();
    thread_ = std::jthread([this] { run(); });
  }
  ~TcpControl() override {
    post({FrameKind::kBye});
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
    if (!gathered_) {
      throw Error(failure_->kind, fmt::format("process {}: {}", failure_->process, failure_->message), {},
                  std::source_location::current());
    }
    return *std::exchange(gathered_, std::nullopt);
  }

  void listen(ControlListener* listener) override {
    const std::lock_guard lock(listener_mutex_);
    told_ = listener;
    if (told_ == nullptr) return;
    if (std::exchange(hold_waits_, false)) post({FrameKind::kHeld, {std::to_string(told_->hold())}});
    if (leave_at_) told_->leave_at(*leave_at_);
    const std::lock_guard state(mutex_);
    if (failure_) told_->failed(*failure_);
  }

  void request_stop() noexcept override { post({FrameKind::kStop}); }
  void fail(ErrorKind kind, std::string_view message) noexcept override {
    post(failure_frame(kind, options_.team.process, message));
  }

 private:
  bool is_hub() const { return options_.team.process == kHub; }

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

  // What this process wants to have said.
  void say_own() {
    std::deque<Frame> frames;
    {
      const std::lock_guard lock(mutex_);
      frames.swap(own_);
    }
    for (const Frame& frame : frames) {
      if (is_hub()) {
        say(hub_.receive(kHub, frame));
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
        if (told_ == nullptr) {
          hold_waits_ = true;  // answered by whoever listens next
        } else {
          post({FrameKind::kHeld, {std::to_string(told_->hold())}});
        }
        return;
      }
      case FrameKind::kLeaveAt: {
        require_fields(frame, 1);
        const std::lock_guard lock(listener_mutex_);
        leave_at_ = number_in(frame, 0);
        if (told_ != nullptr) told_->leave_at(*leave_at_);
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
    if (told_ != nullptr) told_->failed(failure);
  }

  void lose(int process, const std::string& how) {
    peers_.erase(process);
    if (is_hub()) {
      say(hub_.lost(process, how));
      return;
    }
    if (!hub_left_ && !leaving_) set_failed({ErrorKind::kComm, process, how});
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
          is_hub() ? say(hub_.receive(process, *frame)) : obey(*frame);
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
      Connection late = Connection::accept_from(*listener_);
      late.send({FrameKind::kRefused, {"the team is complete"}});
      late.finish(/*seconds=*/0.1);
    } catch (const Error&) {  // gone by itself
    }
  }

  void run() {
    for (;;) {
      say_own();
      if (leaving_ && nothing_to_say()) return;
      beat();
      std::vector<pollfd> wanted{{wake_.descriptor(), POLLIN, 0}};
      wanted.push_back({listener_ ? listener_->descriptor() : -1, POLLIN, 0});
      std::vector<int> processes;
      for (const auto& [process, peer] : peers_) {
        processes.push_back(process);
        wanted.push_back({peer.descriptor(), static_cast<short>(POLLIN | (peer.has_unsent() ? POLLOUT : 0)), 0});
      }
      ::poll(wanted.data(), static_cast<nfds_t>(wanted.size()), static_cast<int>(beat_seconds() * 1e3) + 1);
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
  std::optional<Socket> listener_;
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
  ControlListener* told_ = nullptr;
  bool hold_waits_ = false;
  std::optional<Step> leave_at_;

  std::jthread thread_;
};

}  // namespace

void agree(Control& control, std::string_view what, std::string_view value) {
  const std::vector<std::string> values = control.gather(what, value);
  for (std::size_t process = 1; process < values.size(); ++process) {
    DRIFT_CHECK(kComm, values[process] == values[0], "process {} has another {} than process 0: {} and {}", process,
                what, values[process], values[0]);
  }
}

std::unique_ptr<Control> make_control(const ControlOptions& options) {
  std::map<int, Connection> peers;
  std::optional<Socket> listener;
  if (options.team.process == kHub) {
    listener = listen_on(options.port);
    peers = wait_for_members(*listener, options);
  } else {
    peers.emplace(kHub, join_team(options));
  }
  return std::make_unique<TcpControl>(options, std::move(peers), std::move(listener));
}

int free_port() {
  return port_of(listen_on(0));
}

}  // namespace drift
