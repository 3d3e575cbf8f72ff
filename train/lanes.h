// Lanes: which workers may compute at once. K workers share L <= K lanes; a lane is a permit together with the memory
// for one worker's activations, so K = 32 workers on 2 cores need the activation memory of 2. A lane is never held
// while its worker waits for other workers, or those could not come. The worker with the lowest step goes first, then
// the one that asked first: workers between two averages stay close to each other, and what is shared (the epoch's
// permutation, cached images) stays warm.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "core/step.h"
#include "engine/memory_pool.h"
#include "train/config/machine.h"

namespace drift {

class LaneGate;

// Holds one lane from acquire() to release() or its end.
class Lane {
 public:
  Lane(Lane&& other) noexcept
      : gate_(std::exchange(other.gate_, nullptr)), pool_(std::exchange(other.pool_, nullptr)) {}
  ~Lane() { release(); }

  MemoryPool& pool() const { return *pool_; }
  void release();

 private:
  friend class LaneGate;
  Lane(LaneGate* gate, MemoryPool* pool) : gate_(gate), pool_(pool) {}

  LaneGate* gate_;
  MemoryPool* pool_;  // nullptr once released
};

class LaneGate {
 public:
  LaneGate(int lanes, Device device);

  // Waits for a lane. Tensors from its pool must be gone when it is released. With a lane for each worker, a worker
  // always gets its own: captured steps rely on it.
  Lane acquire(Step step, int worker);
  int lanes() const { return static_cast<int>(pools_.size()); }
  int waiting() const;              // workers that wait for a lane now
  std::int64_t bytes_held() const;  // by the pools

 private:
  friend class Lane;
  void give_back(MemoryPool* pool);

  std::vector<std::unique_ptr<MemoryPool>> pools_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<MemoryPool*> free_;
  std::set<std::pair<Step, std::uint64_t>> waiting_;  // step, then order of arrival
  std::uint64_t arrivals_ = 0;
};

// Throws kConfig where so many workers of one process cannot share the device.
void check_share_device(Device device, int workers);

// How the CPU's threads are shared: `lanes` workers compute at once, each with `threads_per_worker`.
struct ThreadLayout {
  int threads = 1;  // in all; also those of an evaluation
  int lanes = 1;
  int threads_per_worker = 1;
};

// threads = 0: all `cores`. worker_threads = 0: threads / min(K, threads).
ThreadLayout share_threads(int workers, int threads, int worker_threads, int cores);
// The same for any device: on a GPU every worker has a stream and its own activations, and the hardware shares itself.
ThreadLayout share_device(DeviceType device, int workers, const MachineConfig& machine, int cores);

}  // namespace drift
