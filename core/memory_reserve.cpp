#include "core/memory_reserve.h"

#include <atomic>
#include <cstddef>
#include <new>
#include <sys/mman.h>

namespace drift {
namespace {

// Addresses, no memory until somebody uses them. A part is more than the allocator asks the system for at once, and
// less than a thread that computes asks for.
constexpr std::size_t kPart = 1 << 20;
constexpr int kParts = 16;

std::byte* reserve = nullptr;
std::atomic<int> parts_left{0};
thread_local bool out_of_memory = false;

bool give_up_part() noexcept {
  const int part = parts_left.fetch_sub(1) - 1;
  if (part < 0) {
    ++parts_left;
    return false;
  }
  munmap(reserve + static_cast<std::size_t>(part) * kPart, kPart);
  return true;
}

// Called by `new` when there is nothing left. It returns where trying again is worth it.
void give_up_part_or_throw() {
  const bool says_so = out_of_memory;
  out_of_memory = true;
  if (!give_up_part() || !says_so) throw std::bad_alloc();
}

}  // namespace

void keep_memory_reserve() {
  void* const all = mmap(nullptr, kParts * kPart, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all != MAP_FAILED) {
    reserve = static_cast<std::byte*>(all);
    parts_left = kParts;
  }
  std::set_new_handler(give_up_part_or_throw);
}

void memory_has_run_out_here() noexcept {
  out_of_memory = true;
  give_up_part();
}

std::shared_mutex& taking_memory() {
  static std::shared_mutex mutex;
  return mutex;
}

void give_up_memory_reserve() noexcept {
  while (give_up_part()) {
  }
}

}  // namespace drift
