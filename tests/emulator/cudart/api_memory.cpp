// Entry points of the runtime API: allocation and what is known of a pointer. Memory taken from a stream is counted at
// the call but belongs to the stream from there on: another stream that uses it without waiting is a race.
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>

#include "tests/emulator/cudart/graph_memory.h"
#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}
void* pointer_to(std::uint64_t address) {
  return reinterpret_cast<void*>(address);
}

Allocation* find_start(Runtime& rt, const void* pointer, MemoryKind kind) {
  Allocation* const found = rt.memory.find(address_of(pointer));
  return found != nullptr && found->begin == address_of(pointer) && found->kind == kind ? found : nullptr;
}

cudaError_t allocate_in_order(Runtime& rt, void** pointer, std::size_t bytes, cudaStream_t handle) {
  Stream* const stream = rt.stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaErrorInvalidValue;
  if (stream->capture) return capture_allocation(rt, *stream, bytes, pointer);
  std::uint64_t address = rt.memory.allocate(bytes, kAllocationAlignment, MemoryKind::kDevice, stream->device);
  if (address == 0) {  // frees may be queued
    rt.scheduler.wait_for_device(stream->device);
    address = rt.memory.allocate(bytes, kAllocationAlignment, MemoryKind::kDevice, stream->device);
  }
  if (address == 0) return cudaErrorMemoryAllocation;
  *pointer = pointer_to(address);
  Work work;
  work.name = "cudaMallocAsync";
  work.run = [address, bytes] {
    runtime().global.touch_range(address, bytes, ptx::MemoryAccess::kWrite);
    runtime().global.forget(address, bytes);
  };
  return rt.submit(*stream, std::move(work));
}

cudaError_t allocate_pinned(Runtime& rt, void** pointer, std::size_t bytes) {
  if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
  constexpr std::size_t kPage = 4096;
  void* const memory = std::aligned_alloc(kPage, (bytes / kPage + 1) * kPage);
  if (memory == nullptr) return cudaErrorMemoryAllocation;
  std::memset(memory, 0xCD, bytes);
  rt.memory.add_host(memory, bytes, MemoryKind::kPinned);
  *pointer = memory;
  return cudaSuccess;
}

}  // namespace

extern "C" {

cudaError_t cudaMalloc(void** pointer, std::size_t bytes) {
  return entry(__func__, [&](Runtime& rt) {
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    *pointer = nullptr;
    if (bytes == 0) return cudaSuccess;
    const std::uint64_t address =
        rt.memory.allocate(bytes, kAllocationAlignment, MemoryKind::kDevice, current_device());
    if (address == 0) return cudaErrorMemoryAllocation;
    *pointer = pointer_to(address);
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* pointer) {
  return entry(__func__, [&](Runtime& rt) {
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    if (pointer == nullptr) return cudaSuccess;
    Allocation* const allocation = find_start(rt, pointer, MemoryKind::kDevice);
    if (allocation == nullptr) return cudaErrorInvalidValue;
    const int device = allocation->device;
    rt.scheduler.wait_for_device(device);
    Allocation* const still =
        find_start(rt, pointer, MemoryKind::kDevice);  // a queued cudaFreeAsync may have come first
    if (still == nullptr || (still->of_graph && !still->taken)) return cudaErrorInvalidValue;
    still->taken = false;
    rt.memory.free(*still, "cudaFree");
    return cudaSuccess;
  });
}

cudaError_t cudaMallocAsync(void** pointer, std::size_t bytes, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) { return allocate_in_order(rt, pointer, bytes, stream); });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t handle) {
  return entry(__func__, [&](Runtime& rt) {
    Stream* const stream = rt.stream(handle);
    if (stream == nullptr) return cudaErrorInvalidResourceHandle;
    if (pointer == nullptr) return cudaSuccess;
    Allocation* const allocation = find_start(rt, pointer, MemoryKind::kDevice);
    if (stream->capture) return capture_free(rt, *stream, allocation);
    if (allocation == nullptr || (allocation->of_graph && !allocation->taken)) return cudaErrorInvalidValue;
    allocation->taken = false;
    Work work;
    work.name = "cudaFreeAsync";
    work.run = [address = allocation->begin, bytes = allocation->bytes()] {
      runtime().global.touch_range(address, bytes, ptx::MemoryAccess::kWrite);
      runtime().memory.free(*runtime().memory.find(address), "cudaFreeAsync");
    };
    return rt.submit(*stream, std::move(work));
  });
}

cudaError_t cudaHostAlloc(void** pointer, std::size_t bytes, unsigned) {
  return entry(__func__, [&](Runtime& rt) { return allocate_pinned(rt, pointer, bytes); });
}

cudaError_t cudaMallocHost(void** pointer, std::size_t bytes) {
  return entry(__func__, [&](Runtime& rt) { return allocate_pinned(rt, pointer, bytes); });
}

cudaError_t cudaFreeHost(void* pointer) {
  return entry(__func__, [&](Runtime& rt) {
    if (const cudaError_t error = rt.captures.refuse_unsafe(); error != cudaSuccess) return error;
    if (pointer == nullptr) return cudaSuccess;
    if (find_start(rt, pointer, MemoryKind::kPinned) == nullptr) return cudaErrorInvalidValue;
    for (int device = 0; device < settings().devices; ++device) rt.scheduler.wait_for_device(device);
    Allocation* const allocation = find_start(rt, pointer, MemoryKind::kPinned);
    if (allocation == nullptr) return cudaErrorInvalidValue;
    rt.memory.release(*allocation, "cudaFreeHost");
    std::free(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaHostRegister(void* pointer, std::size_t bytes, unsigned) {
  return entry(__func__, [&](Runtime& rt) {
    if (pointer == nullptr || bytes == 0) return cudaErrorInvalidValue;
    const bool added = rt.memory.add_host(pointer, bytes, MemoryKind::kRegistered);
    return added ? cudaSuccess : cudaErrorHostMemoryAlreadyRegistered;
  });
}

cudaError_t cudaHostUnregister(void* pointer) {
  return entry(__func__, [&](Runtime& rt) {
    if (find_start(rt, pointer, MemoryKind::kRegistered) == nullptr) return cudaErrorHostMemoryNotRegistered;
    for (int device = 0; device < settings().devices; ++device) rt.scheduler.wait_for_device(device);
    rt.memory.release(*find_start(rt, pointer, MemoryKind::kRegistered), "cudaHostUnregister");
    return cudaSuccess;
  });
}

cudaError_t cudaHostGetDevicePointer(void** device, void* host, unsigned) {
  return entry(__func__, [&](Runtime& rt) {
    const Allocation* const allocation = rt.memory.find(address_of(host));
    if (allocation == nullptr || !allocation->on_host()) return cudaErrorInvalidValue;
    *device = host;
    return cudaSuccess;
  });
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  return entry(__func__, [&](Runtime& rt) {
    const Allocation* const allocation = rt.memory.find(address_of(pointer));
    void* const address = const_cast<void*>(pointer);
    *attributes = cudaPointerAttributes{};
    attributes->type = cudaMemoryTypeUnregistered;
    attributes->device = -2;
    attributes->hostPointer = address;
    if (allocation == nullptr) return cudaSuccess;
    const bool host = allocation->on_host();
    attributes->type = host ? cudaMemoryTypeHost : cudaMemoryTypeDevice;
    attributes->device = host || allocation->device < 0 ? current_device() : allocation->device;
    attributes->devicePointer = address;
    if (!host) attributes->hostPointer = nullptr;
    return cudaSuccess;
  });
}

// Memory pools: every device has its default pool, whose only visible state is its attributes.

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  return entry(__func__, [&](Runtime&) {
    if (device < 0 || device >= settings().devices) return cudaErrorInvalidDevice;
    *pool = reinterpret_cast<cudaMemPool_t>(static_cast<std::uintptr_t>(device) + 1);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  return cudaDeviceGetDefaultMemPool(pool, device);
}

cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return entry(__func__, [&](Runtime& rt) {
    const auto device = reinterpret_cast<std::uintptr_t>(pool) - 1;
    if (device >= static_cast<std::uintptr_t>(settings().devices)) return cudaErrorInvalidValue;
    const bool is_int = attribute <= cudaMemPoolReuseAllowInternalDependencies;
    rt.pool_attributes[{device, attribute}] = is_int ? *static_cast<int*>(value) : *static_cast<std::uint64_t*>(value);
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  return entry(__func__, [&](Runtime& rt) {
    const auto device = reinterpret_cast<std::uintptr_t>(pool) - 1;
    if (device >= static_cast<std::uintptr_t>(settings().devices)) return cudaErrorInvalidValue;
    if (attribute <= cudaMemPoolReuseAllowInternalDependencies) {
      *static_cast<int*>(value) = static_cast<int>(rt.pool_attributes[{device, attribute}]);
    } else if (attribute == cudaMemPoolAttrReleaseThreshold) {
      *static_cast<std::uint64_t*>(value) = rt.pool_attributes[{device, attribute}];
    } else {  // what is used and reserved now, or was at most: the emulator keeps one number
      *static_cast<std::uint64_t*>(value) = rt.memory.used(static_cast<int>(device));
    }
    return cudaSuccess;
  });
}

cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, std::size_t) {
  return entry(__func__, [](Runtime&) { return cudaSuccess; });  // freed memory is never kept
}

cudaError_t cudaMallocFromPoolAsync(void** pointer, std::size_t bytes, cudaMemPool_t, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) { return allocate_in_order(rt, pointer, bytes, stream); });
}

}  // extern "C"
