#include "tests/emulator/cudart/host_order.h"

#include <atomic>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace drift::emulator {
namespace {

// Never destroyed: threads take locks until their very end.
struct Objects {
  std::mutex mutex;
  std::unordered_map<const void*, Clock> told;
  std::unordered_map<std::uintptr_t, HostOrder> ended;
};

Objects& objects() {
  static Objects& instance = *new Objects();
  return instance;
}

std::atomic<bool> anything_told{false};

}  // namespace

Clock& host_clock() {
  thread_local Clock& clock = *new Clock();
  return clock;
}

BorrowedThread::BorrowedThread(const Clock& clock) : own_(std::exchange(host_clock(), clock)) {}

BorrowedThread::~BorrowedThread() {
  host_clock() = std::move(own_);
}

void host_tells(const void* object) {
  const Clock& clock = host_clock();
  if (clock.empty()) return;
  anything_told.store(true, std::memory_order_relaxed);
  const std::lock_guard lock(objects().mutex);
  objects().told[object].join(clock);
}

void host_learns(const void* object) {
  if (!anything_told.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(objects().mutex);
  const auto found = objects().told.find(object);
  if (found != objects().told.end()) host_clock().join(found->second);
}

HostOrder host_order() {
  return {host_clock(), host_time().now()};
}

void host_begins(const HostOrder& order) {
  host_clock() = order.clock;
  host_time().reach(order.time);
}

void host_ends(std::uintptr_t thread) {
  const std::lock_guard lock(objects().mutex);
  objects().ended[thread] = host_order();
}

void host_joins(std::uintptr_t thread) {
  const std::lock_guard lock(objects().mutex);
  const auto ended = objects().ended.find(thread);
  if (ended == objects().ended.end()) return;
  host_clock().join(ended->second.clock);
  host_time().reach(ended->second.time);
  objects().ended.erase(ended);
}

}  // namespace drift::emulator
