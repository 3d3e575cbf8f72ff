// The one object behind all entry points, and the frame they share: take the lock, count the call, fail it if the
// environment wants that, remember the error.
#pragma once

#include <cstddef>
#include <cuda_runtime_api.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "tests/emulator/cudart/calls.h"
#include "tests/emulator/cudart/capture.h"
#include "tests/emulator/cudart/graph.h"
#include "tests/emulator/cudart/memory.h"
#include "tests/emulator/cudart/modules.h"
#include "tests/emulator/cudart/observer.h"
#include "tests/emulator/cudart/race.h"
#include "tests/emulator/cudart/scheduler.h"
#include "tests/emulator/cudart/settings.h"

namespace drift::emulator {

// Device memory as kernels see it: only what the device of the running operation may touch.
class GlobalMemory : public ptx::Memory {
 public:
  GlobalMemory(AddressSpace& memory, Scheduler& scheduler, RaceChecker& races)
      : memory_(memory), scheduler_(scheduler), races_(races) {}

  std::uint64_t allocate_variable(std::size_t bytes, std::size_t alignment) override;
  ptx::Region find(std::uint64_t address, std::size_t bytes) override;
  void touch(std::uint64_t address, std::size_t bytes, ptx::MemoryAccess access, std::uint32_t block) override;

  // Why find() refused an address; empty if it did not.
  std::string take_refusal() { return std::exchange(refusal_, {}); }

  // The same for a whole range of a copy or a library call; throws ptx::Error if it may not be touched.
  char* touch_range(std::uint64_t address, std::size_t bytes, ptx::MemoryAccess access, bool uses = true);
  // To be called inside an operation that has written the range: of what it holds nothing is known from here on.
  void forget(std::uint64_t address, std::size_t bytes);
  // Copies what is known of the source's bytes: whether they were ever written.
  void carry(std::uint64_t to, std::uint64_t from, std::size_t bytes);
  // A cooperative launch of so many blocks begins: the workspace in which its grid-wide barrier counts.
  std::uint64_t begin_grid(std::uint64_t blocks);
  void allow_peer(int from, int to) { peers_.insert({from, to}); }
  bool forbid_peer(int from, int to) { return peers_.erase({from, to}) == 1; }
  bool peer_allowed(int from, int to) const { return peers_.contains({from, to}); }

 private:
  bool reachable(const Allocation& allocation) const;
  std::string no_peer_access(std::uint64_t address, std::size_t bytes) const;

  AddressSpace& memory_;
  Scheduler& scheduler_;
  RaceChecker& races_;
  std::set<std::pair<int, int>> peers_;
  std::string refusal_;
  std::uint64_t grid_workspace_ = 0, grid_blocks_ = 0, grid_arrived_ = 0;
};

// Handles that the program holds: the object's address, good only while the object is here.
template <typename T>
class Handles {
 public:
  void* add(std::shared_ptr<T> object) {
    void* const handle = object.get();
    objects_[handle] = std::move(object);
    return handle;
  }
  std::shared_ptr<T> find(const void* handle) const {
    const auto found = objects_.find(handle);
    return found == objects_.end() ? nullptr : found->second;
  }
  bool remove(const void* handle) { return objects_.erase(handle) == 1; }
  std::size_t size() const { return objects_.size(); }

 private:
  std::unordered_map<const void*, std::shared_ptr<T>> objects_;
};

struct Runtime {
  Runtime();

  std::recursive_mutex mutex;
  Observer* observer = nullptr;
  Calls calls;
  AddressSpace memory;
  RaceChecker races;
  Scheduler scheduler;
  GlobalMemory global;
  Modules modules;
  Captures captures;
  ptx::Statistics statistics;
  Handles<Stream> streams;
  Handles<Event> events;
  Handles<Graph> graphs;
  Handles<ExecutableGraph> executables;
  Handles<UserObject> objects;
  std::map<std::string, std::size_t> library_objects;                                // of cuDNN and cuBLASLt, by kind
  std::map<std::pair<std::size_t, cudaMemPoolAttr>, std::uint64_t> pool_attributes;  // by device and attribute

  // nullptr: no such stream. The default stream for 0 and cudaStreamLegacy, the thread's own for cudaStreamPerThread.
  Stream* stream(cudaStream_t handle);
  // Onto the stream, or into its capture.
  cudaError_t submit(Stream& stream, Work work);
  void report_leaks() const;
};

Runtime& runtime();
int& current_device();                // of the calling thread
cudaError_t& last_error();            // of the calling thread
int injected_error(const char* api);  // what a call fails with if EMU_FAIL names no code
void trace_error(const char* api, cudaError_t error);

template <typename Body>
cudaError_t entry(const char* api, Body body) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  host_time().spend(kCall);
  int code = injected_error(api);
  cudaError_t result = cudaSuccess;
  if (rt.calls.must_fail(api, &code)) {
    result = static_cast<cudaError_t>(code);
  } else if (Scheduler::in_host_function()) {
    result = cudaErrorNotPermitted;
  } else if (settings().devices == 0) {
    result = cudaErrorNoDevice;
  } else {
    result = rt.scheduler.sticky() != cudaSuccess ? rt.scheduler.sticky() : body(rt);
    if (result == cudaSuccess) result = rt.scheduler.sticky();
  }
  if (result != cudaSuccess) {
    last_error() = result;
    trace_error(api, result);
  }
  return result;
}

}  // namespace drift::emulator
