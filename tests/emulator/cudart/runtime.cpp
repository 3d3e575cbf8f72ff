#include "tests/emulator/cudart/runtime.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string_view>

#include "tests/emulator/cudart/report.h"

namespace drift::emulator {
namespace {

constexpr std::uint64_t kPiece = 1 << 20;       // bytes that kernels are told of at once
constexpr std::size_t kGridWorkspaceBytes = 8;  // its size and the barrier: each block arrives by one atomic operation

Runtime* the_runtime = nullptr;  // never destroyed: the program's static objects may still free things

// Runs after the destructors of the program, which depends on this library.
__attribute__((destructor)) void at_library_end() {
  if (the_runtime == nullptr) return;
  run_end_actions();
  if (settings().statistics) {
    std::fprintf(stderr, "[emulator] %llu warp instructions, %llu thread instructions\n",
                 static_cast<unsigned long long>(the_runtime->statistics.warp_instructions),
                 static_cast<unsigned long long>(the_runtime->statistics.thread_instructions));
  }
  if (settings().leaks) the_runtime->report_leaks();
}

// filled(k): which of the four bytes of the range from byte k on hold something.
template <typename Filled>
void set_filled(Allocation& allocation, std::uint64_t address, std::size_t bytes, Filled filled) {
  for (std::uint64_t k = 0; k < bytes;) {
    const std::uint64_t at = address - allocation.begin + k, count = std::min(4 - at % 4, bytes - k);
    const std::uint32_t mask = ((1u << count) - 1) << at % 4;
    ShadowWord& word = allocation.shadow[at / 4];
    word.filled = (word.filled & ~mask) | (filled(k) << at % 4 & mask);
    k += count;
  }
}

}  // namespace

std::uint64_t GlobalMemory::allocate_variable(std::size_t bytes, std::size_t alignment) {
  return memory_.allocate(bytes, std::max<std::size_t>(alignment, 256), MemoryKind::kVariable, /*device=*/-1);
}

bool GlobalMemory::reachable(const Allocation& allocation) const {
  if (allocation.kind != MemoryKind::kDevice) return true;
  const int device = scheduler_.running_device();
  return device == -1 || allocation.device == device || peers_.contains({device, allocation.device});
}

std::string GlobalMemory::no_peer_access(std::uint64_t address, std::size_t bytes) const {
  return memory_.describe(address, bytes) + "; device " + std::to_string(scheduler_.running_device()) +
         " has no peer access to it";
}

ptx::Region GlobalMemory::find(std::uint64_t address, std::size_t bytes) {
  const Allocation* const allocation = memory_.find(address, bytes);
  const bool gone = allocation == nullptr || allocation->absent;
  const bool refused = gone || !reachable(*allocation);
  if (refused) refusal_ = gone ? memory_.describe(address, bytes) : no_peer_access(address, bytes);
  if (refused) return {};
  // Up to the next full piece: most kernels use little of the large blocks that a program gives out itself.
  const std::uint64_t begin = allocation->begin, wanted = address + bytes - begin;
  const std::uint64_t known = std::min<std::uint64_t>((wanted / kPiece + 1) * kPiece, allocation->bytes());
  return {begin, begin + known, memory_.host(begin, known)};
}

void GlobalMemory::touch(std::uint64_t address, std::size_t bytes, ptx::MemoryAccess access, std::uint32_t block) {
  if (grid_workspace_ != 0 && address - grid_workspace_ < kGridWorkspaceBytes) {
    if (access != ptx::MemoryAccess::kAtomic || ++grid_arrived_ != grid_blocks_) return;
    grid_arrived_ = 0;
    races_.begin_phase();
    return;
  }
  if (Allocation* const allocation = memory_.find(address, bytes)) {
    races_.touch(*allocation, address, bytes, access, block);
  }
}

std::uint64_t GlobalMemory::begin_grid(std::uint64_t blocks) {
  if (grid_workspace_ == 0) grid_workspace_ = allocate_variable(kGridWorkspaceBytes, 1);
  std::memset(memory_.host(grid_workspace_, kGridWorkspaceBytes), 0, kGridWorkspaceBytes);
  grid_blocks_ = blocks;
  grid_arrived_ = 0;
  return grid_workspace_;
}

char* GlobalMemory::touch_range(std::uint64_t address, std::size_t bytes, ptx::MemoryAccess access, bool uses) {
  Allocation* const allocation = memory_.find(address, bytes);
  if (allocation == nullptr || allocation->absent) throw ptx::Error(memory_.describe(address, bytes));
  if (!reachable(*allocation)) throw ptx::Error(no_peer_access(address, bytes));
  races_.touch(*allocation, address, bytes, access, RaceChecker::kWholeOperation, uses);
  scheduler_.count_moved(bytes);
  return memory_.host(address, bytes);
}

void GlobalMemory::forget(std::uint64_t address, std::size_t bytes) {
  Allocation& allocation = *memory_.find(address, bytes);
  if (allocation.shadow != nullptr) set_filled(allocation, address, bytes, [](std::uint64_t) { return 0u; });
}

void GlobalMemory::carry(std::uint64_t to, std::uint64_t from, std::size_t bytes) {
  const Allocation& source = *memory_.find(from, bytes);
  Allocation& target = *memory_.find(to, bytes);
  if (target.shadow == nullptr || source.kind != MemoryKind::kDevice) return;
  set_filled(target, to, bytes, [&](std::uint64_t k) -> std::uint32_t {
    const std::uint64_t at = from - source.begin + k;
    return source.shadow[at / 4].filled >> at % 4 | source.shadow[at / 4 + 1].filled << (4 - at % 4);
  });
}

Runtime::Runtime()
    : memory(settings().devices, settings().memory, settings().race),
      scheduler(mutex, races),
      global(memory, scheduler, races),
      modules(global) {}

Runtime& runtime() {
  static Runtime& instance = *(the_runtime = new Runtime());
  return instance;
}

int& current_device() {
  thread_local int device = 0;
  return device;
}

cudaError_t& last_error() {
  thread_local cudaError_t error = cudaSuccess;
  return error;
}

int injected_error(const char* api) {
  const std::string_view name(api);
  const bool allocates = name.find("Malloc") != name.npos || name.find("Alloc") != name.npos;
  return allocates ? cudaErrorMemoryAllocation : cudaErrorUnknown;
}

void trace_error(const char* api, cudaError_t error) {
  if (settings().trace) trace(std::string(api) + " returns " + cudaGetErrorName(error));
}

Stream* Runtime::stream(cudaStream_t handle) {
  if (handle == nullptr || handle == cudaStreamLegacy) return &scheduler.default_stream(current_device());
  if (handle == cudaStreamPerThread) {
    thread_local std::map<int, std::shared_ptr<Stream>> own;
    auto& mine = own[current_device()];
    if (!mine) mine = scheduler.create(current_device(), cudaStreamDefault, /*priority=*/0);
    return mine.get();
  }
  return streams.find(handle).get();
}

cudaError_t Runtime::submit(Stream& stream, Work work) {
  if (stream.capture) return captures.add(stream, std::move(work));
  if (stream.is_default) {
    const cudaError_t error = captures.refuse_implicit(stream);
    if (error != cudaSuccess) return error;
  }
  scheduler.enqueue(stream, std::move(work));
  return cudaSuccess;
}

void Runtime::report_leaks() const {
  std::map<std::string, std::size_t> counts = library_objects;
  counts.insert({
      {"device allocations", memory.live(MemoryKind::kDevice)},
      {"pinned host allocations", memory.live(MemoryKind::kPinned)},
      {"registered host ranges", memory.live(MemoryKind::kRegistered)},
      {"streams", streams.size()},
      {"events", events.size()},
      {"graphs", graphs.size()},
      {"executable graphs", executables.size()},
      {"user objects", objects.size()},
  });
  bool any = false;
  for (const auto& [what, count] : counts) {
    if (count == 0) continue;
    any = true;
    std::fprintf(stderr, "[emulator] ERROR: %zu %s were never released\n", count, what.c_str());
  }
  if (!any) return;
  std::fflush(nullptr);
  std::_Exit(kExitCode);
}

}  // namespace drift::emulator
