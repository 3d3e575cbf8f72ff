#include "tests/emulator/cudart/enqueue.h"

#include <string>
#include <utility>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/observer.h"
#include "tests/emulator/cudart/report.h"
#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

void submit_library_work(void* stream, const char* name, std::function<bool()> gate, std::function<void()> work) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  Stream* const target = rt.stream(static_cast<cudaStream_t>(stream));
  if (target == nullptr) stop(std::string(name) + " was given a stream that does not exist");
  Work queued;
  queued.name = name;
  queued.type = cudaGraphNodeTypeKernel;
  queued.run = std::move(work);
  queued.gate = std::move(gate);
  host_time().spend(kCall);
  const cudaError_t error = rt.submit(*target, std::move(queued));
  if (error != cudaSuccess) {
    report_fault(std::string(name) + " cannot go onto its stream: " + cudaGetErrorName(error));
  }
}

}  // namespace

void enqueue(void* stream, const char* name, std::function<void()> work) {
  submit_library_work(stream, name, nullptr, std::move(work));
}

void enqueue_gated(void* stream, const char* name, std::function<bool()> gate, std::function<void()> work) {
  submit_library_work(stream, name, std::move(gate), std::move(work));
}

void* host_pointer(const void* device, std::size_t bytes, Access access) {
  if (device == nullptr) return nullptr;
  const auto kind = access == Access::kWrite ? ptx::MemoryAccess::kWrite : ptx::MemoryAccess::kRead;
  const auto address = reinterpret_cast<std::uint64_t>(device);
  return runtime().global.touch_range(address, bytes, kind, /*uses=*/access == Access::kRead);
}

void occupy_multiprocessors(std::int64_t count) {
  if (!settings().race) return;
  Runtime& rt = runtime();
  const std::int64_t all = device_table(settings().sm).multiprocessors;
  rt.races.occupy(rt.scheduler.running_device(), count == 0 ? all : count, all);
}

void observe(Observer* observer) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  rt.observer = observer;
}

int device_of(void* stream) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  const Stream* const found = rt.stream(static_cast<cudaStream_t>(stream));
  return found == nullptr ? current_device() : found->device;
}

bool call_must_fail(const char* api, int* code) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  return rt.calls.must_fail(api, code);
}

void object_created(const char* kind) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  ++rt.library_objects[kind];
}

void object_destroyed(const char* kind) {
  Runtime& rt = runtime();
  const std::lock_guard lock(rt.mutex);
  --rt.library_objects[kind];
}

}  // namespace drift::emulator
