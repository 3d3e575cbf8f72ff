// Sees how the threads of the program synchronise: locks, conditions, semaphores, their begin and end, and tells the
// runtime (cudart/host_order.h). Preloaded, so that its functions stand before the C library's, which they call. What
// the emulator itself locks is not the program's order.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <memory>
#include <pthread.h>
#include <semaphore.h>
#include <string_view>

#include "tests/emulator/cudart/host_order.h"

using namespace drift::emulator;

namespace {

// The C library's own function. Found without a lock: the first calls come before any constructor.
class Real {
 public:
  constexpr Real(const char* name, const char* version) : name_(name), version_(version) {}

  template <typename... Arguments>
  int operator()(Arguments... arguments) {
    void* found = found_.load(std::memory_order_relaxed);
    if (found == nullptr) {
      found = dlvsym(RTLD_NEXT, name_, version_);  // dlsym alone may answer with an old condition variable
      if (found == nullptr) found = dlsym(RTLD_NEXT, name_);
      found_.store(found, std::memory_order_relaxed);
    }
    return reinterpret_cast<int (*)(Arguments...)>(found)(arguments...);
  }

 private:
  const char* name_;
  const char* version_;
  std::atomic<void*> found_{nullptr};
};

// Where the libraries of the emulator lie.
struct Range {
  std::uintptr_t begin, end;
};
std::array<Range, 32> own_ranges;
std::atomic<std::size_t> own_range_count{0};
std::atomic<bool> started{false};

int add_if_own(dl_phdr_info* info, std::size_t, void* folder) {
  if (!std::string_view(info->dlpi_name).starts_with(*static_cast<std::string_view*>(folder))) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    const std::size_t count = own_range_count;
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || count == own_ranges.size()) continue;
    const std::uintptr_t begin = info->dlpi_addr + part.p_vaddr;
    own_ranges[count] = {begin, begin + part.p_memsz};
    own_range_count = count + 1;
  }
  return 0;
}

__attribute__((constructor)) void find_own_ranges() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&find_own_ranges), &self) == 0) return;
  std::string_view folder(self.dli_fname);
  folder = folder.substr(0, folder.rfind('/') + 1);
  dl_iterate_phdr(add_if_own, &folder);
  started = true;
}

bool is_own(const void* caller) {
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  for (std::size_t i = 0; i < own_range_count; ++i) {
    if (address >= own_ranges[i].begin && address < own_ranges[i].end) return true;
  }
  return false;
}

// The emulator's mutexes that the calling thread holds. Who unlocks one cannot be told by the caller alone: the last
// call of a function that the emulator called looks like a call of the emulator's.
thread_local std::array<const void*, 16> held = {};

const void** find_held(const void* mutex) {
  const auto found = std::find(held.begin(), held.end(), mutex);
  return found == held.end() ? nullptr : &*found;
}

int locked(int result, const void* mutex, const void* caller) {
  if (result != 0 || !started.load(std::memory_order_relaxed)) return result;
  const void** const place = is_own(caller) ? find_held(nullptr) : nullptr;
  if (place != nullptr) {
    *place = mutex;
  } else {
    host_learns(mutex);
  }
  return result;
}

int learn(int result, const void* semaphore) {
  if (result == 0) host_learns(semaphore);
  return result;
}

struct Start {
  void* (*body)(void*);
  void* argument;
  HostOrder order;
};

// Also where the thread is left by pthread_exit.
struct End {
  ~End() { host_ends(pthread_self()); }
};

void* run_thread(void* start_pointer) {
  const std::unique_ptr<Start> start(static_cast<Start*>(start_pointer));
  const End end;
  host_begins(start->order);
  return start->body(start->argument);
}

constinit Real real_lock("pthread_mutex_lock", "GLIBC_2.2.5");
constinit Real real_trylock("pthread_mutex_trylock", "GLIBC_2.34");
constinit Real real_timedlock("pthread_mutex_timedlock", "GLIBC_2.34");
constinit Real real_clocklock("pthread_mutex_clocklock", "GLIBC_2.34");
constinit Real real_unlock("pthread_mutex_unlock", "GLIBC_2.2.5");
constinit Real real_wait("pthread_cond_wait", "GLIBC_2.3.2");
constinit Real real_timedwait("pthread_cond_timedwait", "GLIBC_2.3.2");
constinit Real real_clockwait("pthread_cond_clockwait", "GLIBC_2.34");
constinit Real real_post("sem_post", "GLIBC_2.34");
constinit Real real_sem_wait("sem_wait", "GLIBC_2.34");
constinit Real real_sem_trywait("sem_trywait", "GLIBC_2.34");
constinit Real real_sem_timedwait("sem_timedwait", "GLIBC_2.34");
constinit Real real_sem_clockwait("sem_clockwait", "GLIBC_2.34");
constinit Real real_create("pthread_create", "GLIBC_2.34");
constinit Real real_join("pthread_join", "GLIBC_2.34");

// A wait for a condition gives the mutex back meanwhile, and has it again at its end, whatever it returns.
template <typename Wait>
int wait_with(pthread_mutex_t* mutex, Wait wait) {
  const bool own = find_held(mutex) != nullptr;
  if (!own) host_tells(mutex);
  const int result = wait();
  if (!own) host_learns(mutex);
  return result;
}

}  // namespace

extern "C" {

#define CALLER __builtin_return_address(0)  // of the function that has it

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  return locked(real_lock(mutex), mutex, CALLER);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  return locked(real_trylock(mutex), mutex, CALLER);
}
int pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* until) noexcept {
  return locked(real_timedlock(mutex, until), mutex, CALLER);
}
int pthread_mutex_clocklock(pthread_mutex_t* mutex, clockid_t clock, const timespec* until) noexcept {
  return locked(real_clocklock(mutex, clock, until), mutex, CALLER);
}
int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  if (const void** const place = find_held(mutex)) {
    *place = nullptr;
  } else {
    host_tells(mutex);
  }
  return real_unlock(mutex);
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return wait_with(mutex, [&] { return real_wait(condition, mutex); });
}
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return wait_with(mutex, [&] { return real_timedwait(condition, mutex, until); });
}
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  return wait_with(mutex, [&] { return real_clockwait(condition, mutex, clock, until); });
}

int sem_post(sem_t* semaphore) noexcept {
  host_tells(semaphore);
  return real_post(semaphore);
}
int sem_wait(sem_t* semaphore) {
  return learn(real_sem_wait(semaphore), semaphore);
}
int sem_trywait(sem_t* semaphore) noexcept {
  return learn(real_sem_trywait(semaphore), semaphore);
}
int sem_timedwait(sem_t* semaphore, const timespec* until) {
  return learn(real_sem_timedwait(semaphore, until), semaphore);
}
int sem_clockwait(sem_t* semaphore, clockid_t clock, const timespec* until) {
  return learn(real_sem_clockwait(semaphore, clock, until), semaphore);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*), void* argument) noexcept {
  auto start = std::make_unique<Start>(Start{body, argument, host_order()});
  const int result = real_create(thread, attributes, &run_thread, start.get());
  if (result == 0) start.release();  // the thread's now
  return result;
}

int pthread_join(pthread_t thread, void** value) {
  const int result = real_join(thread, value);
  if (result == 0) host_joins(thread);
  return result;
}

}  // extern "C"
