// Memory that graphs allocate: cudaMallocAsync in a capture is a node, and so is cudaFreeAsync. The address is known
// and fixed from the capture on, but there is memory only from the run of the one node to that of the other, or of a
// free outside the graph.
#pragma once

#include <cstddef>
#include <cuda_runtime_api.h>

#include "tests/emulator/cudart/graph.h"
#include "tests/emulator/cudart/memory.h"

namespace drift::emulator {

struct Runtime;

cudaError_t capture_allocation(Runtime& rt, Stream& stream, std::size_t bytes, void** pointer);
cudaError_t capture_free(Runtime& rt, Stream& stream, Allocation* allocation);

bool has_memory_nodes(const Graph& graph);
// What a launch allocates and frees is taken and given back in the order of the calls: false if it allocates what an
// earlier launch did and nobody freed, or frees what nobody allocated.
bool take_memory(Runtime& rt, const GraphBody& body);
// The graph is gone. Memory that was not freed stays, as if it had been allocated without it.
void release_addresses(Runtime& rt, const Graph& graph);

}  // namespace drift::emulator
