// Two threads use the same device memory, one after the other; the argument names how the first hands it over. Where
// neither a lock nor the like orders what the one waited for before what the other queues, that is a mistake, though
// the order was right this time.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <cuda_runtime_api.h>
#include <mutex>
#include <semaphore.h>
#include <thread>

#include "tests/emulator/tests/mistake_program.h"

using drift::emulator::testing::asked_for;
using drift::emulator::testing::check;

namespace {

constexpr std::size_t kBytes = 1024;

struct Setting {
  void* memory = nullptr;
  cudaStream_t a = nullptr, b = nullptr;
  cudaEvent_t written = nullptr;
  std::mutex mutex, other;
  std::condition_variable changed;
  sem_t semaphore;
  bool ready = false;             // guarded by mutex
  std::atomic<bool> flag{false};  // relaxed: in time, but no order

  Setting() {
    check(cudaMalloc(&memory, kBytes));
    check(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    check(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
    check(cudaEventCreateWithFlags(&written, cudaEventDisableTiming));
    sem_init(&semaphore, 0, 0);
  }
  void write(cudaStream_t stream) { check(cudaMemsetAsync(memory, 1, kBytes, stream)); }
  void write_and_wait() {
    write(a);
    check(cudaStreamSynchronize(a));
  }
  void tell() {
    const std::lock_guard lock(mutex);
    ready = true;
    changed.notify_one();
  }
  void raise() { flag.store(true, std::memory_order_relaxed); }
  void wait_for_flag() {
    while (!flag.load(std::memory_order_relaxed)) std::this_thread::yield();
  }
};

void by_join(Setting& s) {
  std::thread([&] { s.write_and_wait(); }).join();
  s.write(s.b);
}
void by_creation(Setting& s) {
  s.write_and_wait();
  std::thread([&] { s.write(s.b); }).join();
}

// The first thread writes and hands over; the second takes, and writes too.
template <typename Give, typename Take>
void hand_over(Setting& s, Give give, Take take) {
  std::thread first([&] {
    s.write_and_wait();
    give();
  });
  take();
  s.write(s.b);
  first.join();
}

void by_condition(Setting& s) {
  hand_over(
      s, [&] { s.tell(); },
      [&] {
        std::unique_lock lock(s.mutex);
        s.changed.wait(lock, [&] { return s.ready; });
      });
}
void by_timed_condition(Setting& s) {
  hand_over(
      s, [&] { s.tell(); },
      [&] {
        std::unique_lock lock(s.mutex);
        while (!s.changed.wait_for(lock, std::chrono::seconds(1), [&] { return s.ready; })) {
        }
      });
}
void by_lock(Setting& s) {
  hand_over(
      s, [&] { s.tell(); },
      [&] {
        for (bool ready = false; !ready;) {
          const std::lock_guard lock(s.mutex);
          ready = s.ready;
        }
      });
}
// To and fro: who waits for a condition gives the lock back, and has it again.
void by_waiting(Setting& s) {
  bool answered = false;
  std::unique_lock lock(s.mutex);
  std::thread second([&] {
    const std::lock_guard own(s.mutex);
    s.write(s.b);
    check(cudaStreamSynchronize(s.b));
    answered = true;
    s.changed.notify_one();
  });
  s.write_and_wait();
  s.changed.wait(lock, [&] { return answered; });
  s.write(s.a);
  lock.unlock();
  second.join();
}
void by_semaphore(Setting& s) {
  hand_over(
      s, [&] { sem_post(&s.semaphore); },
      [&] {
        while (sem_wait(&s.semaphore) != 0) {
        }
      });
}
// What has run before a function of the program is known to whom the function tells it.
void by_host_function(Setting& s) {
  s.write(s.a);
  check(cudaLaunchHostFunc(
      s.a, [](void* setting) { static_cast<Setting*>(setting)->tell(); }, &s));
  std::thread waits([&] { check(cudaStreamSynchronize(s.a)); });
  {
    std::unique_lock lock(s.mutex);
    s.changed.wait(lock, [&] { return s.ready; });
  }
  s.write(s.b);
  waits.join();
}
void by_event(Setting& s) {
  std::thread first([&] {
    s.write(s.a);
    check(cudaEventRecord(s.written, s.a));
    s.raise();
  });
  s.wait_for_flag();
  check(cudaStreamWaitEvent(s.b, s.written, 0));
  s.write(s.b);
  first.join();
}

void no_lock(Setting& s) {
  hand_over(
      s, [&] { s.raise(); }, [&] { s.wait_for_flag(); });
}
void another_lock(Setting& s) {
  hand_over(
      s,
      [&] {
        s.tell();
        s.raise();
      },
      [&] {
        s.wait_for_flag();
        const std::lock_guard lock(s.other);
      });
}
void told_too_early(Setting& s) {
  std::thread first([&] {
    s.tell();
    s.write_and_wait();
    s.raise();
  });
  s.wait_for_flag();
  { const std::lock_guard lock(s.mutex); }
  s.write(s.b);
  first.join();
}

struct Mistake {
  const char* name;
  void (*make)(Setting&);
};
const Mistake kMistakes[] = {
    {"none_by_join", by_join},           {"none_by_creation", by_creation},
    {"none_by_condition", by_condition}, {"none_by_timed_condition", by_timed_condition},
    {"none_by_lock", by_lock},           {"none_by_waiting", by_waiting},
    {"none_by_semaphore", by_semaphore}, {"none_by_host_function", by_host_function},
    {"none_by_event", by_event},         {"no_lock", no_lock},
    {"another_lock", another_lock},      {"told_too_early", told_too_early},
};

}  // namespace

int main(int argc, char** argv) {
  const Mistake& mistake = asked_for(kMistakes, argc, argv);
  Setting setting;
  mistake.make(setting);
  check(cudaDeviceSynchronize());
  return 0;
}
