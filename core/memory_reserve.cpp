#include "core/memory_reserve.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace drift {
namespace {

// Addresses, no memory until somebody uses them. More than the allocator asks the system for at once.
constexpr std::size_t kBytes = 8 << 20;

std::atomic<void*> reserve{nullptr};

void memory_has_run_out() {
  give_up_memory_reserve();
  throw std::bad_alloc();
}

}  // namespace

void keep_memory_reserve() {
  reserve = std::malloc(kBytes);
  std::set_new_handler(memory_has_run_out);
}

void give_up_memory_reserve() noexcept {
  std::free(reserve.exchange(nullptr));
}

}  // namespace drift
