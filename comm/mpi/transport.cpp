// MPI moves nothing by itself: who waits must ask again and again. After a while the thread sleeps between two
// questions, because workers that still compute may need its core; not at once, or a short message takes twice as long,
// unless it is in the background of those workers.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mpi.h>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "comm/collective.h"
#include "comm/mpi.h"
#include "core/background_thread.h"
#include "core/check.h"
#include "core/log.h"
#include "core/stoppable.h"
#include "core/text.h"
#include "core/thread_team.h"

namespace drift {
namespace {

// Messages are counted by int.
constexpr std::size_t kMostFloats = std::size_t{1} << 30;
constexpr int kBusyTurns = 2000;  // some hundred microseconds
constexpr auto kLookEvery = std::chrono::microseconds(20);

void check(int status, std::string_view call) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(status, text, &length);
  DRIFT_FAIL(kComm, "{}: {}", call, std::string_view(text, static_cast<std::size_t>(length)));
}

// Some calls of MPI wait for all processes and cannot be given up: then this process ends, and with it the launcher
// ends the others.
[[noreturn]] void end_process(std::string_view call, std::string_view reason) {
  report_error(fmt::format("{}: {}", call, reason));
  std::_Exit(exit_code(ErrorKind::kComm));
}

std::string did_not_come(double seconds) {
  return fmt::format("other processes did not come within {:g} s", seconds);
}

// Of set-up and end.
class Deadline {
 public:
  Deadline(std::string_view call, double seconds)
      : thread_(start_thread("a deadline", [call, seconds](const std::stop_token& stop) {
          if (!stopped_within(stop, seconds)) end_process(call, did_not_come(seconds));
        })) {}

 private:
  std::jthread thread_;
};

// Of many short calls, which cost it two stores each: a thread looks now and then whether one stays.
class Watch {
 public:
  // reason: of the others, why this process should give up, if it should.
  Watch(std::string_view call, double seconds, std::function<std::optional<std::string>()> reason)
      : thread_(start_thread("a watch", [this, call, seconds, reason = std::move(reason)](const std::stop_token& stop) {
          std::int64_t before = 0;
          for (int looks = 0; !stopped_within(stop, kLookEverySeconds); ++looks) {
            const std::int64_t now = under_way_;
            if (now == 0 || now != std::exchange(before, now)) looks = 0;
            if (looks == 0) continue;
            if (const auto why = reason()) end_process(call, *why);
            if (looks * kLookEverySeconds > seconds) end_process(call, did_not_come(seconds));
          }
        })) {}

  // Lives as long as the call.
  class Call {
   public:
    explicit Call(Watch& watch) : watch_(watch) { watch_.under_way_ = ++watch_.calls_; }
    ~Call() { watch_.under_way_ = 0; }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Watch& watch_;
  };

 private:
  static constexpr double kLookEverySeconds = 0.2;

  std::int64_t calls_ = 0;
  std::atomic<std::int64_t> under_way_{0};  // its number; 0: none
  std::jthread thread_;
};

void set_up(double timeout_seconds) {
  const Deadline deadline("MPI_Init_thread", timeout_seconds);
  int was_set_up = 0, threads = 0;
  check(MPI_Initialized(&was_set_up), "MPI_Initialized");
  DRIFT_ASSERT(was_set_up == 0, "MPI can be set up once in a program");
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &threads), "MPI_Init_thread");
  DRIFT_CHECK(kComm, threads >= MPI_THREAD_SERIALIZED,
              "this MPI serves one thread only: use one that was built with support of threads");
}

class MpiTransport final : public Transport {
 public:
  explicit MpiTransport(const MpiOptions& options) : options_(options) {
    set_up(options_.timeout_seconds);
    check(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
    MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN);
    MPI_Comm_rank(comm_, &process_);
    MPI_Comm_size(comm_, &processes_);
  }
  // The end of MPI waits for all processes. One that fails leaves without it, and the launcher ends the others.
  ~MpiTransport() override {
    if (!sound_ || aborted_ || std::uncaught_exceptions() > 0) return;
    const Deadline deadline("MPI_Finalize", options_.timeout_seconds);
    MPI_Comm_free(&comm_);
    MPI_Finalize();
  }

  int process() const override { return process_; }
  int processes() const override { return processes_; }
  std::int64_t bytes_sent() const override { return bytes_sent_.load(); }

  std::unique_ptr<Transfer> start(std::span<const Send> sends, std::span<const Receive> receives,
                                  Stream& stream) override;

  std::unique_ptr<Transfer> start_sum(std::span<float> values, Stream& stream) override;
  std::string sum_name() const override;

  void barrier() override;

  void abort(std::string_view reason) noexcept override {
    const std::lock_guard lock(reason_mutex_);
    if (!reason_) reason_ = reason;
    aborted_ = true;
  }

 private:
  friend class MpiTransfer;

  void require_host_memory(const Stream& stream) const {
    DRIFT_CHECK(kComm, stream.device().type == DeviceType::kCpu, "MPI moves host memory, and these workers are on {}",
                to_string(stream.device()));
  }
  std::optional<std::string> reason() {
    if (!aborted_.load()) return std::nullopt;
    const std::lock_guard lock(reason_mutex_);
    return reason_;
  }
  void throw_if_aborted() {
    const std::optional<std::string> why = reason();
    if (!why) return;
    sound_ = false;
    DRIFT_FAIL(kComm, "{}", *why);
  }

  MpiOptions options_;
  MPI_Comm comm_ = MPI_COMM_NULL;
  int process_ = 0, processes_ = 1;
  std::mutex mutex_;  // of all calls of MPI
  std::atomic<std::int64_t> bytes_sent_{0};
  std::atomic<bool> sound_{true};  // no transfer was given up
  std::atomic<bool> aborted_{false};
  std::mutex reason_mutex_;
  std::optional<std::string> reason_;
  std::optional<Watch> sums_;  // from the first one on
};

class MpiTransfer final : public Transfer {
 public:
  explicit MpiTransfer(MpiTransport& transport) : transport_(transport) {}
  ~MpiTransfer() override {
    if (!done_) transport_.sound_ = false;
  }

  void send(const float* values, std::size_t count, int to, int channel) {
    check(MPI_Isend(values, static_cast<int>(count), MPI_FLOAT, to, channel, transport_.comm_, &add(to)), "MPI_Isend");
  }
  void receive(float* values, std::size_t count, int from, int channel) {
    check(MPI_Irecv(values, static_cast<int>(count), MPI_FLOAT, from, channel, transport_.comm_, &add(from)),
          "MPI_Irecv");
  }
  void barrier() { check(MPI_Ibarrier(transport_.comm_, &add(kAll)), "MPI_Ibarrier"); }

  void wait() override {
    const Clock& clock = *transport_.options_.clock;
    const double begin = clock.seconds();
    const int busy_turns = in_background_thread() ? 0 : kBusyTurns;
    for (int turn = 0; !is_done(); ++turn) {
      transport_.throw_if_aborted();
      DRIFT_CHECK(kComm, clock.seconds() - begin < transport_.options_.timeout_seconds,
                  "process {} of {} waited {:.0f} s for {}", transport_.process_, transport_.processes_,
                  transport_.options_.timeout_seconds, waited_for());
      if (turn >= busy_turns) std::this_thread::sleep_for(kLookEvery);
    }
  }

 private:
  static constexpr int kAll = -1;  // instead of a peer

  MPI_Request& add(int peer) {
    peers_.push_back(peer);
    return requests_.emplace_back(MPI_REQUEST_NULL);
  }

  bool is_done() {
    const std::lock_guard lock(transport_.mutex_);
    int done = 0;
    check(MPI_Testall(static_cast<int>(requests_.size()), requests_.data(), &done, MPI_STATUSES_IGNORE), "MPI_Testall");
    done_ = done != 0;
    return done_;
  }

  // "process 1, 3"
  std::string waited_for() {
    const std::lock_guard lock(transport_.mutex_);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < requests_.size(); ++i) {
      int done = 0;
      check(MPI_Request_get_status(requests_[i], &done, MPI_STATUS_IGNORE), "MPI_Request_get_status");
      if (done == 0 && peers_[i] == kAll) return "the others";
      const std::string name = std::to_string(peers_[i]);
      if (done == 0 && std::ranges::find(names, name) == names.end()) names.push_back(name);
    }
    return "process " + joined(names, ", ");
  }

  MpiTransport& transport_;
  std::vector<MPI_Request> requests_;
  std::vector<int> peers_;  // of each request
  bool done_ = false;
};

template <class Values, class Piece>
void in_pieces(Values values, const Piece& piece) {
  for (std::size_t first = 0; first < values.size(); first += kMostFloats) {
    piece(values.data() + first, std::min(kMostFloats, values.size() - first));
  }
}

std::unique_ptr<Transfer> MpiTransport::start(std::span<const Send> sends, std::span<const Receive> receives,
                                              Stream& stream) {
  throw_if_aborted();
  require_host_memory(stream);
  auto transfer = std::make_unique<MpiTransfer>(*this);
  const std::lock_guard lock(mutex_);
  for (const Receive& one : receives) {
    in_pieces(one.values,
              [&](float* values, std::size_t count) { transfer->receive(values, count, one.from, one.channel); });
  }
  for (const Send& one : sends) {
    in_pieces(one.values,
              [&](const float* values, std::size_t count) { transfer->send(values, count, one.to, one.channel); });
    bytes_sent_ += static_cast<std::int64_t>(one.values.size_bytes());
  }
  return transfer;
}

// MPI_Allreduce does not come back before all have come, and MPI_Iallreduce, which could be given up, takes three times
// as long in Open MPI 4.1. So all meet before it, where the waiting is done and can be given up; what is left is
// watched.
std::unique_ptr<Transfer> MpiTransport::start_sum(std::span<float> values, Stream& stream) {
  require_host_memory(stream);
  barrier();
  const std::lock_guard lock(mutex_);
  if (!sums_) sums_.emplace("MPI_Allreduce", options_.timeout_seconds, [this] { return reason(); });
  const Watch::Call call(*sums_);
  in_pieces(values, [&](float* piece, std::size_t count) {
    check(MPI_Allreduce(MPI_IN_PLACE, piece, static_cast<int>(count), MPI_FLOAT, MPI_SUM, comm_), "MPI_Allreduce");
  });
  bytes_sent_ += bytes_on_wire(Collective::kAllReduceMean, std::ssize(values), processes_);
  return std::make_unique<MpiTransfer>(*this);
}

std::string MpiTransport::sum_name() const {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  check(MPI_Get_library_version(text, &length), "MPI_Get_library_version");
  const std::string_view version(text, static_cast<std::size_t>(length));
  return fmt::format("MPI_Allreduce of {}", version.substr(0, version.find_first_of(",\n")));
}

void MpiTransport::barrier() {
  throw_if_aborted();
  MpiTransfer transfer(*this);
  {
    const std::lock_guard lock(mutex_);
    transfer.barrier();
  }
  transfer.wait();
}

}  // namespace

bool have_mpi() {
  return true;
}

std::unique_ptr<Transport> make_mpi_transport(const MpiOptions& options) {
  return std::make_unique<MpiTransport>(options);
}

}  // namespace drift
