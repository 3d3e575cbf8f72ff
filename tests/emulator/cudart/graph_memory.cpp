#include "tests/emulator/cudart/graph_memory.h"

#include <algorithm>
#include <map>
#include <utility>

#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

bool is_memory_node(const Work& work) {
  return work.type == cudaGraphNodeTypeMemAlloc || work.type == cudaGraphNodeTypeMemFree;
}

Work memory_node(std::uint64_t address, bool allocates) {
  Work work;
  work.name = allocates ? "cudaMallocAsync" : "cudaFreeAsync";
  work.type = allocates ? cudaGraphNodeTypeMemAlloc : cudaGraphNodeTypeMemFree;
  work.memory = address;
  work.run = [address, allocates] {
    Allocation& allocation = *runtime().memory.find(address);
    if (allocates) runtime().memory.renew(allocation);
    runtime().global.touch_range(address, allocation.bytes(), ptx::MemoryAccess::kWrite);
    if (!allocates) runtime().memory.free(allocation, "cudaFreeAsync");
  };
  return work;
}

}  // namespace

cudaError_t capture_allocation(Runtime& rt, Stream& stream, std::size_t bytes, void** pointer) {
  const std::uint64_t address = rt.memory.allocate(bytes, kAllocationAlignment, MemoryKind::kDevice, stream.device);
  if (address == 0) return cudaErrorMemoryAllocation;
  Allocation& allocation = *rt.memory.find(address);
  const cudaError_t error = rt.captures.add(stream, memory_node(address, /*allocates=*/true));
  if (error != cudaSuccess) {
    rt.memory.release(allocation, "a capture that was refused");
    return error;
  }
  allocation.of_graph = allocation.absent = true;
  *pointer = reinterpret_cast<void*>(address);
  return cudaSuccess;
}

cudaError_t capture_free(Runtime& rt, Stream& stream, Allocation* allocation) {
  if (allocation == nullptr || !allocation->of_graph) return cudaErrorInvalidValue;
  const auto& nodes = stream.capture->graph->nodes;
  const bool again = std::any_of(nodes.begin(), nodes.end(), [&](const auto& node) {
    return node->work.type == cudaGraphNodeTypeMemFree && node->work.memory == allocation->begin;
  });
  if (again) return cudaErrorInvalidValue;
  return rt.captures.add(stream, memory_node(allocation->begin, /*allocates=*/false));
}

bool has_memory_nodes(const Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const auto& node) { return is_memory_node(node->work); });
}

bool take_memory(Runtime& rt, const GraphBody& body) {
  std::map<std::uint64_t, bool> taken;
  for (const Work& work : body.works) {
    if (!is_memory_node(work)) continue;
    const Allocation* const allocation = rt.memory.find(work.memory);
    if (allocation == nullptr) return false;
    const bool before = taken.try_emplace(work.memory, allocation->taken).first->second;
    const bool allocates = work.type == cudaGraphNodeTypeMemAlloc;
    if (before == allocates) return false;
    taken[work.memory] = allocates;
  }
  for (const auto& [address, now] : taken) rt.memory.find(address)->taken = now;
  return true;
}

void release_addresses(Runtime& rt, const Graph& graph) {
  for (const auto& node : graph.nodes) {
    if (node->work.type != cudaGraphNodeTypeMemAlloc) continue;
    Allocation* const allocation = rt.memory.find(node->work.memory);
    if (allocation == nullptr) continue;
    if (allocation->absent) {
      rt.memory.release(*allocation, "the end of its graph");
    } else {
      allocation->of_graph = false;
    }
  }
}

}  // namespace drift::emulator
