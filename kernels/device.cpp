#include "kernels/device.h"

#include <atomic>
#include <cstring>
#include <utility>

#include "core/build_info.h"
#include "core/check.h"
#include "core/memory_reserve.h"
#include "core/text.h"
#include "kernels/cpu/backend_cpu.h"
#include "kernels/cpu/device_cpu.h"
#include "kernels/cuda.h"
#include "kernels/observed/op_timer.h"

namespace drift {
namespace {

std::atomic<std::int64_t> allocation_count{0};
std::atomic<std::int64_t> held_bytes{0};

}  // namespace

std::string to_string(Device device) {
  return device.type == DeviceType::kCpu ? "cpu" : fmt::format("cuda:{}", device.index);
}

std::string describe_device(Device device) {
  if (device.type == DeviceType::kCpu) return to_string(device);
  return fmt::format("{} ({})", to_string(device), cuda_device_name(device.index));
}

void make_current(Device device) {
  if (device.type == DeviceType::kCuda) make_cuda_current(device.index);
}

std::int64_t free_bytes(Device device) {
  return device.type == DeviceType::kCpu ? free_bytes_cpu() : free_bytes_cuda(device.index);
}

Device parse_device(std::string_view text) {
  if (text == "cpu") return {};
  int index = text == "cuda" ? 0 : -1;
  if (text.starts_with("cuda:")) {
    const std::optional<std::int64_t> number = parse_integer(text.substr(5));
    if (number && std::in_range<int>(*number)) index = static_cast<int>(*number);
  }
  DRIFT_CHECK(kUsage, index >= 0, "no device is called '{}': use cpu, cuda or cuda:N", text);
  DRIFT_CHECK(kDevice, build_info().cuda,
              "{} was asked for, but this build has no CUDA backend: use --device cpu, or build with -DDRIFT_CUDA=ON",
              text);
  const int count = cuda_device_count();
  DRIFT_CHECK(
      kDevice, index < count, "{} was asked for, but this machine has {}; use --device cpu{}", text,
      count == 0 ? "no CUDA device or no driver" : fmt::format("{} CUDA device{}", count, count == 1 ? "" : "s"),
      count == 0 ? "" : " or a smaller number");
  return {DeviceType::kCuda, index};
}

Device default_device() {
  if (cuda_device_count() == 0) return {};
  require_cuda_device(0);
  return {DeviceType::kCuda, 0};
}

Device choose_device(std::string_view text) {
  return text == "auto" ? default_device() : parse_device(text);
}

void require_precision(DType precision, Device device) {
  if (precision != DType::kBFloat16 || device.type != DeviceType::kCpu) return;
  const CpuFeatures& cpu = cpu_features();
  DRIFT_CHECK(
      kDevice, cpu.bf16,
      "--precision bf16 needs bf16 dot products in hardware (avx512_bf16 or amx_bf16); this CPU, {} ({}), would have "
      "to emulate them, slower than fp32. Use --precision fp32",
      cpu.model, cpu.instruction_sets);
}

std::unique_ptr<Stream> make_stream(Device device, int threads) {
  return device.type == DeviceType::kCpu ? make_cpu_stream(threads) : make_cuda_stream(device.index);
}

std::unique_ptr<Backend> make_backend(Stream& stream, const BackendOptions& options) {
  if (stream.device().type == DeviceType::kCuda) return make_cuda_backend(stream, options);
  auto backend = std::make_unique<CpuBackend>(stream, options);
  if (options.op_times) return std::make_unique<OpTimer>(std::move(backend));
  return backend;
}

std::unique_ptr<CapturedWork> Stream::capture(const std::function<void()>&) {
  DRIFT_FAIL(kInternal, "work on {} runs when it is enqueued and cannot be captured", to_string(device()));
}

Event::Event(Device device)
    : device_(device), handle_(device.type == DeviceType::kCuda ? make_cuda_event(device.index) : nullptr) {}

Event::~Event() {
  if (handle_ != nullptr) destroy_cuda_event(device_.index, handle_);
}

Event::Event(Event&& other) noexcept : device_(other.device_), handle_(std::exchange(other.handle_, nullptr)) {}

void begin_profile(Device device) {
  if (device.type == DeviceType::kCuda) begin_cuda_profile(device.index);
}

void end_profile(Device device) noexcept {
  if (device.type == DeviceType::kCuda) end_cuda_profile(device.index);
}

void Event::record(Stream& stream) {
  if (handle_ != nullptr) record_cuda_event(handle_, stream);
}

void Event::wait(Stream& stream) const {
  if (handle_ != nullptr) wait_cuda_event(handle_, stream);
}

void Event::synchronize() const {
  if (handle_ != nullptr) synchronize_cuda_event(device_.index, handle_);
}

Storage::Storage(Device device, std::size_t bytes, std::shared_ptr<MemorySource> source)
    : device_(device), source_(std::move(source)), bytes_(bytes) {
  if (bytes == 0) return;
  if (source_) {
    data_ = source_->allocate(bytes);
  } else {
    data_ = device.type == DeviceType::kCpu ? allocate_cpu(bytes) : allocate_cuda(device.index, bytes);
  }
  if (data_ == nullptr) {
    memory_has_run_out_here();
    throw OutOfMemory(fmt::format("out of memory on {}: {} bytes were asked for, {} are held, {} are free",
                                  to_string(device), bytes, bytes_held(), free_bytes(device)));
  }
  ++allocation_count;
  held_bytes += static_cast<std::int64_t>(bytes);
}

Storage::~Storage() {
  if (data_ == nullptr) return;
  if (source_) {
    source_->release(data_);
  } else {
    device_.type == DeviceType::kCpu ? free_cpu(data_) : free_cuda(device_.index, data_);
  }
  held_bytes -= static_cast<std::int64_t>(bytes_);
}

Storage::Storage(Storage&& other) noexcept
    : device_(other.device_),
      source_(std::move(other.source_)),
      data_(std::exchange(other.data_, nullptr)),
      bytes_(std::exchange(other.bytes_, 0)) {}

Storage& Storage::operator=(Storage&& other) noexcept {
  std::swap(device_, other.device_);
  std::swap(source_, other.source_);
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

HostMemory::HostMemory(Device device, std::size_t bytes) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  data_ = device.type == DeviceType::kCpu ? allocate_cpu(bytes) : allocate_cuda_host(device.index, bytes);
  DRIFT_CHECK(kDevice, data_ != nullptr, "no {} bytes of host memory left that {} can copy from and to", bytes,
              to_string(device));
}

HostMemory::~HostMemory() {
  if (data_ == nullptr) return;
  device_.type == DeviceType::kCpu ? free_cpu(data_) : free_cuda_host(device_.index, data_);
}

void copy_from_host(Stream& stream, const HostMemory& from, std::size_t bytes, void* to) {
  DRIFT_ASSERT(bytes <= from.bytes(), "{} bytes are not in {} of the host", bytes, from.bytes());
  if (stream.device().type == DeviceType::kCpu) {
    std::memcpy(to, from.data(), bytes);
  } else {
    copy_from_host_cuda(stream, from.data(), bytes, to);
  }
}

std::int64_t Storage::allocations() {
  return allocation_count;
}

std::int64_t Storage::bytes_held() {
  return held_bytes;
}

}  // namespace drift
