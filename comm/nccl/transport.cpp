// The communicator is non-blocking: a call of NCCL says that it is under way, and whoever made it asks until it is
// done, the deadline is over or the transport was aborted. A thread asks whether something failed meanwhile: then
// NCCL's kernels would wait on the device for ever, and with them whoever waits for the stream.
#include <atomic>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <nccl.h>
#include <optional>
#include <thread>
#include <utility>

#include "comm/collective.h"
#include "comm/nccl.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/stoppable.h"
#include "core/thread_team.h"
#include "kernels/device.h"
#include "kernels/device_watch.h"

namespace drift {
namespace {

static_assert(NCCL_VERSION_CODE >= NCCL_VERSION(2, 18, 0), "NCCL 2.18 or newer is needed");

// ncclMemAlloc and ncclCommRegister are there.
#if NCCL_VERSION_CODE >= NCCL_VERSION(2, 19, 0)
#define DRIFT_NCCL_REGISTERS
#endif

constexpr double kLookEverySeconds = 0.02;

std::string text_of(ncclResult_t result, ncclComm_t comm) {
  const char* const last = ncclGetLastError(comm);
  return fmt::format("{}{}{}", ncclGetErrorString(result), last != nullptr && *last != '\0' ? ": " : "",
                     last != nullptr ? last : "");
}

bool is_failure(ncclResult_t result) {
  return result != ncclSuccess && result != ncclInProgress;
}

class NcclTransport final : public Transport, public std::enable_shared_from_this<NcclTransport> {
 public:
  explicit NcclTransport(const NcclOptions& options) : options_(options) {
    DRIFT_ASSERT(options.device.type == DeviceType::kCuda && options.id.size() == sizeof(ncclUniqueId),
                 "{} and an id of {} bytes", to_string(options.device), options.id.size());
    make_current(options.device);
    ncclUniqueId id;
    std::memcpy(&id, options.id.data(), sizeof id);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    if (options.multiprocessors > 0) config.maxCTAs = options.multiprocessors;  // a block each
    const ncclResult_t begun = ncclCommInitRankConfig(&comm_, options.processes, id, options.process, &config);
    try {
      complete(begun, "ncclCommInitRankConfig");
    } catch (const Error&) {
      ncclCommAbort(comm_);
      throw;
    }
    watcher_ = start_thread("watching NCCL", [this](const std::stop_token& stop) { watch(stop); });
  }

  ~NcclTransport() override {
    watcher_ = {};
    barrier_floats_ = Storage();
    const std::lock_guard lock(mutex_);
    if (comm_ == nullptr || device_watch().gave_up()) return;
    try_make_current();
    if (std::uncaught_exceptions() > 0) {  // the others may never come to the end
      ncclCommAbort(comm_);
      return;
    }
    try {
      complete(ncclCommFinalize(comm_), "ncclCommFinalize");
      ncclCommDestroy(comm_);
    } catch (const Error&) {
      ncclCommAbort(comm_);
    }
  }

  int process() const override { return options_.process; }
  int processes() const override { return options_.processes; }
  std::int64_t bytes_sent() const override { return bytes_sent_.load(); }

#ifdef DRIFT_NCCL_REGISTERS
  std::shared_ptr<MemorySource> memory() override {
    return {shared_from_this(), &memory_};
  }
#endif
  bool only_enqueues() const override {
    return true;
  }
  std::unique_ptr<Transfer> start(std::span<const Send> sends, std::span<const Receive> receives,
                                  Stream& stream) override {
    return enqueue(stream, [&](cudaStream_t handle) {
      complete(ncclGroupStart(), "ncclGroupStart");
      try {
        for (const Send& one : sends) {
          complete(ncclSend(one.values.data(), one.values.size(), ncclFloat, one.to, comm_, handle), "ncclSend");
          bytes_sent_ += static_cast<std::int64_t>(one.values.size_bytes());
        }
        for (const Receive& one : receives) {
          complete(ncclRecv(one.values.data(), one.values.size(), ncclFloat, one.from, comm_, handle), "ncclRecv");
        }
      } catch (const Error&) {
        ncclGroupEnd();  // an open group would swallow what this thread calls next
        throw;
      }
      complete(ncclGroupEnd(), "ncclGroupEnd");
    });
  }

  std::unique_ptr<Transfer> start_sum(std::span<float> values, Stream& stream) override {
    return enqueue(stream, [&](cudaStream_t handle) {
      float* const data = values.data();
      complete(ncclAllReduce(data, data, values.size(), ncclFloat, ncclSum, comm_, handle), "ncclAllReduce");
      bytes_sent_ += bytes_on_wire(Collective::kAllReduceMean, std::ssize(values), options_.processes);
    });
  }
  std::string sum_name() const override {
    int version = 0;
    ncclGetVersion(&version);
    return fmt::format("ncclAllReduce of NCCL {}.{}.{}", version / 10000, version / 100 % 100, version % 100);
  }

  void barrier() override {
    if (!barrier_stream_) {
      barrier_stream_ = make_stream(options_.device, 1);
      barrier_floats_ =
          Storage(options_.device, 2 * sizeof(float) * static_cast<std::size_t>(options_.processes), own_memory());
    }
    auto* const floats = static_cast<float*>(barrier_floats_.data());
    std::vector<Send> sends;
    std::vector<Receive> receives;
    for (int other = 0; other < options_.processes; ++other) {
      if (other == options_.process) continue;
      sends.push_back({{floats + other, 1}, other});
      receives.push_back({{floats + options_.processes + other, 1}, other});
    }
    start(sends, receives, *barrier_stream_);
    barrier_stream_->synchronize();
    throw_if_aborted();
  }

  void abort(std::string_view reason) noexcept override {
    {
      const std::lock_guard lock(reason_mutex_);
      if (!reason_) reason_ = reason;
    }
    aborted_ = true;  // whoever is in a call of NCCL now leaves it
    const std::lock_guard lock(mutex_);
    if (comm_ == nullptr || device_watch().gave_up()) return;
    try_make_current();
    ncclCommAbort(std::exchange(comm_, nullptr));
  }

 private:
  // What was enqueued: later work on the stream comes after it.
  class Enqueued final : public Transfer {
   public:
    explicit Enqueued(NcclTransport& transport) : transport_(transport) {}
    void wait() override { transport_.throw_if_aborted(); }

   private:
    NcclTransport& transport_;
  };

#ifdef DRIFT_NCCL_REGISTERS
  // Memory that NCCL knows is moved as it is, without a copy to buffers of its own and back. It must be known on both
  // sides of a call, or on none.
  class Memory final : public MemorySource {
   public:
    explicit Memory(NcclTransport& transport) : transport_(transport) {}

    void* allocate(std::size_t bytes) override {
      const std::lock_guard lock(transport_.mutex_);
      transport_.throw_if_aborted();
      make_current(transport_.options_.device);
      void* data = nullptr;
      const ncclResult_t allocated = ncclMemAlloc(&data, bytes);
      if (allocated == ncclUnhandledCudaError) return nullptr;
      transport_.complete(allocated, "ncclMemAlloc");
      try {
        void*& handle = handles_[data];
        transport_.complete(ncclCommRegister(transport_.comm_, data, bytes, &handle), "ncclCommRegister");
      } catch (const Error&) {
        handles_.erase(data);
        ncclMemFree(data);
        throw;
      }
      return data;
    }

    void release(void* data) noexcept override {
      if (device_watch().gave_up()) return;
      const std::lock_guard lock(transport_.mutex_);
      transport_.try_make_current();
      const auto handle = handles_.extract(data);
      // A communicator that was aborted has forgotten all of them.
      if (transport_.comm_ != nullptr)
        warn(ncclCommDeregister(transport_.comm_, handle.mapped()), "ncclCommDeregister");
      warn(ncclMemFree(data), "ncclMemFree");
    }

   private:
    static void warn(ncclResult_t result, std::string_view call) {
      if (result != ncclSuccess) log_warning("{}: {}", call, ncclGetErrorString(result));
    }

    NcclTransport& transport_;
    std::map<void*, void*> handles_;  // of registrations, by address
  };
  std::shared_ptr<MemorySource> own_memory() {
    return {std::shared_ptr<void>(), &memory_};
  }
#else
  static std::shared_ptr<MemorySource> own_memory() {
    return nullptr;
  }
#endif

  template <class Calls>
  std::unique_ptr<Transfer> enqueue(Stream& stream, const Calls& calls) {
    DRIFT_CHECK(kComm, stream.device() == options_.device, "NCCL moves memory of {}, and these workers are on {}",
                to_string(options_.device), to_string(stream.device()));
    const std::lock_guard lock(mutex_);
    throw_if_aborted();
    make_current(options_.device);
    calls(static_cast<cudaStream_t>(stream.vendor_handle()));
    return std::make_unique<Enqueued>(*this);
  }

  void try_make_current() const noexcept {
    try {
      make_current(options_.device);
    } catch (const Error& error) {
      log_warning("{}", error.message());
    }
  }

  void throw_if_aborted() {
    if (!aborted_.load()) return;
    const std::lock_guard lock(reason_mutex_);
    DRIFT_FAIL(kComm, "{}", *reason_);
  }

  // With the lock held: until a call that may be under way is done.
  void complete(ncclResult_t result, std::string_view call) {
    const double end = steady_clock().seconds() + options_.timeout_seconds;
    while (result == ncclInProgress) {
      throw_if_aborted();
      DRIFT_CHECK(kComm, steady_clock().seconds() < end, "{}: other processes did not come within {:g} s", call,
                  options_.timeout_seconds);
      std::this_thread::yield();
      if (ncclCommGetAsyncError(comm_, &result) != ncclSuccess) result = ncclInternalError;
    }
    DRIFT_CHECK(kComm, result == ncclSuccess, "{}: {}", call, text_of(result, comm_));
  }

  void watch(const std::stop_token& stop) {
    while (!stopped_within(stop, kLookEverySeconds)) {
      if (const std::optional<std::string> failure = failure_now()) {
        abort(fmt::format("NCCL: {}", *failure));
        return;
      }
    }
  }
  std::optional<std::string> failure_now() {
    const std::unique_lock lock(mutex_, std::try_to_lock);  // who has it asks itself
    if (!lock || comm_ == nullptr) return std::nullopt;
    ncclResult_t state = ncclSuccess;
    const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
    if (!is_failure(asked) && !is_failure(state)) return std::nullopt;
    return text_of(is_failure(state) ? state : asked, comm_);
  }

  NcclOptions options_;
  std::mutex mutex_;  // of the communicator
  ncclComm_t comm_ = nullptr;
  std::atomic<std::int64_t> bytes_sent_{0};
  std::atomic<bool> aborted_{false};
  std::mutex reason_mutex_;
  std::optional<std::string> reason_;
  std::unique_ptr<Stream> barrier_stream_;
  Storage barrier_floats_;
#ifdef DRIFT_NCCL_REGISTERS
  Memory memory_{*this};
#endif
  std::jthread watcher_;
};

}  // namespace

bool have_nccl() {
  return true;
}

std::string make_nccl_id() {
  ncclUniqueId id;
  const ncclResult_t result = ncclGetUniqueId(&id);
  DRIFT_CHECK(kComm, result == ncclSuccess, "ncclGetUniqueId: {}", text_of(result, nullptr));
  return {reinterpret_cast<const char*>(&id), sizeof id};
}

std::shared_ptr<Transport> make_nccl_transport(const NcclOptions& options) {
  return std::make_shared<NcclTransport>(options);
}

}  // namespace drift
