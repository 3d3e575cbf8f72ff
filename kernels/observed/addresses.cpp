// See addresses.h.
#include "kernels/observed/addresses.h"

#include <mutex>
#include <sys/mman.h>
#include <unordered_map>

namespace drift {
namespace {

class Addresses final : public MemorySource {
 public:
  void* allocate(std::size_t bytes) override {
    void* const data = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED) return nullptr;
    const std::lock_guard lock(mutex_);
    sizes_.emplace(data, bytes);
    return data;
  }
  void release(void* data) noexcept override {
    const std::lock_guard lock(mutex_);
    const auto found = sizes_.find(data);
    munmap(data, found->second);
    sizes_.erase(found);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> sizes_;
};

}  // namespace

std::shared_ptr<MemorySource> addresses_alone() {
  return std::make_shared<Addresses>();
}

}  // namespace drift
