// One piece of work for a device, as a stream queues it and as a graph keeps it for many launches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cuda_runtime_api.h>
#include <functional>
#include <memory>
#include <string>

namespace drift::emulator {

struct Launch;
struct Event;

struct Work {
  std::string name;
  cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
  std::function<void()> run;             // empty: only a point that others wait for
  std::function<bool()> gate;            // may it start? empty: always
  bool calls_host = false;               // run is a function of the program: called without the runtime's lock
  std::shared_ptr<const Launch> launch;  // of a kernel
  std::shared_ptr<Event> records;        // the event that a graph's node records
  std::uint64_t host_bytes = 0;          // that a copy moves to or from the host
  std::shared_ptr<Event> waits;          // the event that a graph's node waits for
  std::uint64_t memory = 0;              // that a graph's node allocates or frees
  // Pinned memory that a copy will read: the host must leave it alone until then.
  std::uint64_t pinned_source = 0;
  std::size_t pinned_bytes = 0;
};

// Tells whether the host changed pinned memory between the call that queued a copy and the copy itself.
class PinnedGuard {
 public:
  PinnedGuard() = default;
  explicit PinnedGuard(const Work& work);
  void check() const;  // throws ptx::Error

 private:
  std::uint64_t address_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t content_ = 0, device_writes_ = 0, host_functions_ = 0;
};

}  // namespace drift::emulator
