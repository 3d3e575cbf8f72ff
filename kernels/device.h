// Where work happens: Device names a place, Stream is an ordered queue of work there, Event orders two queues, Storage
// owns memory there. On the CPU enqueued work runs at once, with the stream's number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/dtype.h"
#include "core/error.h"

namespace drift {

enum class DeviceType : std::uint8_t { kCpu, kCuda };

struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;

  bool operator==(const Device&) const = default;
};

std::string to_string(Device device);        // "cpu", "cuda:0"
std::string describe_device(Device device);  // "cpu", "cuda:0 (NVIDIA H100 80GB HBM3, sm_90)"
// Bytes that could still be allocated there now, as far as limits and what else runs there are known.
std::int64_t free_bytes(Device device);
// For a thread that is about to call a vendor's library itself: from now on it does so for this device.
void make_current(Device device);

// "cpu", "cuda:N", or "cuda", which is the first. Throws kUsage for text that names no device, kDevice for a device
// that this build or this machine does not have.
Device parse_device(std::string_view text);

// cuda:0 where this build has CUDA and the machine a GPU, else cpu. Chosen once, at start, and printed by the caller.
// Throws kDevice for a GPU, or its driver, that this build cannot use: a run would last weeks on a CPU that nobody
// chose.
Device default_device();

// What --device says: "auto" is default_device(), anything else is parsed.
Device choose_device(std::string_view text);

// Throws kDevice for bf16 on a CPU that would have to emulate it.
void require_precision(DType precision, Device device);

// Work that was enqueued once and can be enqueued again as a whole: the same operations on the same memory.
class CapturedWork {
 public:
  virtual ~CapturedWork() = default;
  virtual void replay() = 0;  // on the stream it was captured from
};

class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  virtual Device device() const = 0;
  virtual int threads() const = 0;                         // CPU threads that work on it; 1 on a GPU
  virtual void synchronize() = 0;                          // returns when all work enqueued before is done
  virtual void* vendor_handle() const { return nullptr; }  // cudaStream_t on a GPU

  // Whether capture() is there: on a GPU, where one launch then replaces hundreds.
  virtual bool can_capture() const { return false; }
  // What `work` enqueues on this stream, not run yet. Memory it uses must stay where it is; it may neither allocate nor
  // wait for the device.
  virtual std::unique_ptr<CapturedWork> capture(const std::function<void()>& work);

 protected:
  Stream() = default;
};

// threads: for the CPU, at least 1.
std::unique_ptr<Stream> make_stream(Device device, int threads);

// What this process does on a GPU between the two is what a profiler records that waits for it (nsys -c
// cudaProfilerApi, ncu --profile-from-start off). Nothing on a CPU.
void begin_profile(Device device);
void end_profile(Device device) noexcept;

// A point in a stream that other streams, or a thread, can wait for. Without record() there is nothing to wait for.
class Event {
 public:
  explicit Event(Device device);
  ~Event();
  Event(Event&& other) noexcept;
  Event& operator=(Event&&) = delete;

  void record(Stream& stream);      // the work enqueued on `stream` so far
  void wait(Stream& stream) const;  // work enqueued on `stream` from now on runs after it
  void synchronize() const;         // returns when it is done

 private:
  Device device_;
  void* handle_ = nullptr;  // nullptr on the CPU, where everything enqueued is done
};

// A device has no room for what was asked.
class OutOfMemory : public Error {
 public:
  explicit OutOfMemory(std::string message, std::source_location where = std::source_location::current())
      : Error(ErrorKind::kDevice, std::move(message), {}, where) {}
};

// Where memory of a device comes from, if not from the device itself: a library that moves it between devices may want
// to know it.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  virtual void* allocate(std::size_t bytes) = 0;  // aligned to 64; nullptr: there is no room
  virtual void release(void* data) noexcept = 0;
};

// A fixed number of bytes on one device, aligned to 64; the only type that allocates device memory. Contents start
// undefined. Throws OutOfMemory.
class Storage {
 public:
  Storage() = default;
  Storage(Device device, std::size_t bytes, std::shared_ptr<MemorySource> source = nullptr);
  ~Storage();
  Storage(Storage&& other) noexcept;
  Storage& operator=(Storage&& other) noexcept;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  Device device() const { return device_; }

  // How often memory was allocated since the program started, and the bytes held now: for tests and reports.
  static std::int64_t allocations();
  static std::int64_t bytes_held();

 private:
  Device device_;
  std::shared_ptr<MemorySource> source_;  // nullptr: the device
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Host memory that copies to and from a device can use while the host goes on: page-locked where the device is a GPU.
class HostMemory {
 public:
  HostMemory(Device device, std::size_t bytes);
  ~HostMemory();
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  Device device_;
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// Enqueues a copy of the first `bytes` of `from` to memory of the stream's device.
void copy_from_host(Stream& stream, const HostMemory& from, std::size_t bytes, void* to);

// What the CPU offers, for `drift doctor` and for refusing bf16 where it would be emulated.
struct CpuFeatures {
  std::string model;
  std::string instruction_sets;  // "avx2 avx512 avx512_bf16 ..."
  bool avx512 = false;           // AVX512F, BW and VL
  bool avx512_bf16 = false;
  bool bf16 = false;  // bf16 dot products in hardware (AVX512_BF16 or AMX)
  int cores = 1;      // usable by this process
};
const CpuFeatures& cpu_features();

}  // namespace drift
