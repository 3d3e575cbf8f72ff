// What each thread of the program knows of the devices: what it has waited for, and what threads knew that it
// synchronised with. Work that it queues is ordered after that, and after nothing that only another thread waited for.
// libemu_threads tells of locks, semaphores, and of the begin and end of threads.
#pragma once

#include <cstdint>

#include "tests/emulator/cudart/clock.h"
#include "tests/emulator/cudart/virtual_time.h"

namespace drift::emulator {

struct HostOrder {
  Clock clock;
  Nanoseconds time = 0;
};

Clock& host_clock();  // of the calling thread

// The calling thread knows for a while only what happened before an operation: a function of the program runs in it.
class BorrowedThread {
 public:
  explicit BorrowedThread(const Clock& clock);
  ~BorrowedThread();
  BorrowedThread(const BorrowedThread&) = delete;
  BorrowedThread& operator=(const BorrowedThread&) = delete;

 private:
  Clock own_;
};

// Whoever learns from an object knows what those knew who told it before.
void host_tells(const void* object);
void host_learns(const void* object);

// A new thread begins with what the one knew that made it; whoever joins it knows what it knew at its end.
HostOrder host_order();  // of the calling thread
void host_begins(const HostOrder& order);
void host_ends(std::uintptr_t thread);
void host_joins(std::uintptr_t thread);

}  // namespace drift::emulator
