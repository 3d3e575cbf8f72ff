// Where work happens: Device names a place, Stream is an ordered queue of work there, Storage owns memory there.
// On the CPU enqueued work runs at once, with the stream's number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/dtype.h"

namespace drift {

enum class DeviceType : std::uint8_t { kCpu, kCuda };

struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;

  bool operator==(const Device&) const = default;
};

std::string to_string(Device device);  // "cpu", "cuda:0"

// Throws kUsage for text that names no device, kDevice for a device that this build or this machine does not have.
Device parse_device(std::string_view text);

// cuda:0 where this build has CUDA and the machine a GPU, else cpu. Chosen once, at start, and printed by the caller.
Device default_device();

// What --device says: "auto" is default_device(), anything else is parsed.
Device choose_device(std::string_view text);

// Throws kDevice for bf16 on a CPU that would have to emulate it.
void require_precision(DType precision, Device device);

class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  virtual Device device() const = 0;
  virtual int threads() const = 0;  // CPU threads that work on it; 1 on a GPU
  virtual void synchronize() = 0;   // returns when all work enqueued before is done

 protected:
  Stream() = default;
};

// threads: for the CPU, at least 1.
std::unique_ptr<Stream> make_stream(Device device, int threads);

// A fixed number of bytes on one device, aligned to 64; the only type that allocates device memory. Contents start
// undefined.
class Storage {
 public:
  Storage() = default;
  Storage(Device device, std::size_t bytes);
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
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// What the CPU offers, for `drift doctor` and for refusing bf16 where it would be emulated.
struct CpuFeatures {
  std::string model;
  std::string instruction_sets;  // "avx2 avx512f avx512_bf16 ..."
  bool bf16 = false;             // bf16 dot products in hardware (AVX512_BF16 or AMX)
  int cores = 1;                 // usable by this process
};
const CpuFeatures& cpu_features();

}  // namespace drift
