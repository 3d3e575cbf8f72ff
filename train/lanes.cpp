#include "train/lanes.h"

#include <algorithm>

#include "core/check.h"
#include "kernels/op.h"

namespace drift {

void Lane::release() {
  if (pool_ != nullptr) gate_->give_back(std::exchange(pool_, nullptr));
}

LaneGate::LaneGate(int lanes, Device device) {
  for (int lane = 0; lane < lanes; ++lane) {
    pools_.push_back(std::make_unique<MemoryPool>(device));
    free_.push_back(pools_.back().get());
  }
}

Lane LaneGate::acquire(Step step, int worker) {
  std::unique_lock lock(mutex_);
  const auto place = waiting_.emplace(step, arrivals_++).first;
  changed_.wait(lock, [&] { return !free_.empty() && place == waiting_.begin(); });
  waiting_.erase(place);
  const auto own =
      std::find(free_.begin(), free_.end(), pools_[static_cast<std::size_t>(worker) % pools_.size()].get());
  const auto taken = own == free_.end() ? std::prev(free_.end()) : own;
  MemoryPool* pool = *taken;
  free_.erase(taken);
  // The next in line may have been woken while it was not yet first.
  if (!free_.empty() && !waiting_.empty()) changed_.notify_all();
  return Lane(this, pool);
}

void LaneGate::give_back(MemoryPool* pool) {
  const std::lock_guard lock(mutex_);
  free_.push_back(pool);
  changed_.notify_all();
}

int LaneGate::waiting() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(waiting_.size());
}

std::int64_t LaneGate::bytes_held() const {
  std::int64_t bytes = 0;
  for (const auto& pool : pools_) bytes += pool->bytes_held();
  return bytes;
}

void check_share_device(Device device, int workers) {
  DRIFT_CHECK(kConfig, device.type == DeviceType::kCpu || workers <= Average::kSourcesMaxOnGpu,
              "{} workers on one GPU, at most {} can share it: use fewer --workers, or more processes with a GPU each",
              workers, Average::kSourcesMaxOnGpu);
}

ThreadLayout share_threads(int workers, int threads, int worker_threads, int cores) {
  DRIFT_CHECK(kConfig, threads >= 0 && worker_threads >= 0,
              "--threads and --worker-threads must be at least 1, or 0 to choose; got {} and {}", threads,
              worker_threads);
  ThreadLayout layout;
  layout.threads = threads > 0 ? threads : std::max(1, cores);
  layout.threads_per_worker = worker_threads > 0 ? worker_threads : layout.threads / std::min(workers, layout.threads);
  layout.lanes = std::clamp(layout.threads / layout.threads_per_worker, 1, workers);
  return layout;
}

ThreadLayout share_device(DeviceType device, int workers, const MachineConfig& machine, int cores) {
  ThreadLayout layout = share_threads(workers, machine.threads, machine.worker_threads, cores);
  if (device == DeviceType::kCuda) layout.lanes = workers;
  return layout;
}

}  // namespace drift
