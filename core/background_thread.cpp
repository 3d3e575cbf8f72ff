#include "core/background_thread.h"

#include <cstdint>
#include <sys/syscall.h>
#include <unistd.h>

namespace drift {
namespace {

// struct sched_attr of the kernel, its first version; the C library has none.
struct Attributes {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime, deadline, period;
};
static_assert(sizeof(Attributes) == 48);

constexpr std::uint64_t kNanoseconds = 100'000;  // the shortest that Linux gives

thread_local bool in_background = false;

}  // namespace

bool in_background_thread() noexcept {
  return in_background;
}

void become_background_thread() noexcept {
  in_background = true;
  Attributes attributes{};
  attributes.size = sizeof attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.runtime = kNanoseconds;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace drift
