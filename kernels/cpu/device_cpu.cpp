// Stream and memory of the CPU.
#include "kernels/cpu/device_cpu.h"

#include <algorithm>
#include <cstdlib>
#include <omp.h>
#include <shared_mutex>
#include <sys/mman.h>

#include "core/check.h"
#include "core/memory_reserve.h"
#include "kernels/cpu/available_memory.h"

namespace drift {
namespace {

class CpuStream final : public Stream {
 public:
  explicit CpuStream(int threads) : threads_(threads) {}
  Device device() const override { return {}; }
  int threads() const override { return threads_; }
  void synchronize() override {}

 private:
  int threads_;
};

// Large blocks start on a huge page and ask for huge pages: activations are megabytes, and 4 kB pages cost a TLB miss
// each.
constexpr std::size_t kHugePage = std::size_t{2} << 20;
constexpr std::size_t kCacheLine = 64;

}  // namespace

std::unique_ptr<Stream> make_cpu_stream(int threads) {
  DRIFT_ASSERT(threads >= 1, "a CPU stream needs at least one thread, got {}", threads);
  // Where OMP_THREAD_LIMIT allows fewer, oneDNN would plan for more threads than come and wait for them for ever.
  return std::make_unique<CpuStream>(std::min(threads, omp_get_thread_limit()));
}

std::int64_t free_bytes_cpu() {
  return available_host_bytes();
}

void* allocate_cpu(std::size_t bytes) {
  const std::shared_lock lock(taking_memory());
  const std::size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kCacheLine;
  void* data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (data != nullptr && alignment == kHugePage) madvise(data, bytes, MADV_HUGEPAGE);
  return data;
}

void free_cpu(void* data) noexcept {
  std::free(data);
}

}  // namespace drift
