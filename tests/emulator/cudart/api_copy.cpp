// Entry points of the runtime API: copies and fills. A copy reads its source when it runs, so early reuse of a pinned
// buffer shows; pageable sources are copied at the call and pageable targets are waited for, as CUDA does.
#include <cstring>
#include <cuda_runtime_api.h>
#include <memory>
#include <vector>

#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

std::uint64_t address_of(const void* pointer) {
  return reinterpret_cast<std::uint64_t>(pointer);
}

struct Place {
  std::uint64_t address = 0;
  bool known = false;  // memory that devices may reach
  bool on_device = false;
};

bool place(Runtime& rt, const void* pointer, std::size_t bytes, Place& result) {
  const Allocation* const allocation = rt.memory.find(address_of(pointer));
  result = {address_of(pointer), allocation != nullptr, allocation != nullptr && !allocation->on_host()};
  const bool stray = allocation == nullptr && rt.memory.host(result.address, 0) != pointer;  // a freed device address
  return !stray && (allocation == nullptr || rt.memory.find(address_of(pointer), bytes) != nullptr);
}

bool direction_fits(cudaMemcpyKind kind, const Place& target, const Place& source) {
  if (kind == cudaMemcpyDefault) return true;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  return to_device == target.on_device && from_device == source.on_device;
}

Work copy_work(const Place& target, const Place& source, std::size_t bytes,
               std::shared_ptr<const std::vector<char>> staged) {
  Work work;
  const auto side = [](const Place& place) { return place.on_device ? "device" : "host"; };
  work.name =
      std::string("memcpy from ") + side(source) + " to " + side(target) + ", " + std::to_string(bytes) + " bytes";
  work.type = cudaGraphNodeTypeMemcpy;
  if (!source.on_device || !target.on_device) work.host_bytes = bytes;
  if (source.known && !source.on_device) {
    work.pinned_source = source.address;
    work.pinned_bytes = bytes;
  }
  work.run = [target, source, bytes, staged = std::move(staged)] {
    GlobalMemory& memory = runtime().global;
    const char* from = reinterpret_cast<const char*>(source.address);
    if (staged) from = staged->data();
    if (source.known) from = memory.touch_range(source.address, bytes, ptx::MemoryAccess::kRead, /*uses=*/false);
    char* to = reinterpret_cast<char*>(target.address);
    if (target.known) to = memory.touch_range(target.address, bytes, ptx::MemoryAccess::kWrite);
    if (source.on_device && target.on_device) memory.carry(target.address, source.address, bytes);
    std::memmove(to, from, bytes);
  };
  return work;
}

cudaError_t copy(Runtime& rt, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, Stream* stream) {
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  Place target, source;
  if (!place(rt, to, bytes, target) || !place(rt, from, bytes, source)) return cudaErrorInvalidValue;
  if (!direction_fits(kind, target, source)) return cudaErrorInvalidMemcpyDirection;
  std::shared_ptr<const std::vector<char>> staged;
  if (!source.known && !stream->capture) {
    const char* const begin = static_cast<const char*>(from);
    staged = std::make_shared<const std::vector<char>>(begin, begin + bytes);
  }
  const cudaError_t error = rt.submit(*stream, copy_work(target, source, bytes, std::move(staged)));
  if (error == cudaSuccess && !target.known && !stream->capture) rt.scheduler.wait(*stream);
  return error;
}

cudaError_t copy_and_wait(Runtime& rt, void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t unsafe = rt.captures.refuse_unsafe(); unsafe != cudaSuccess) return unsafe;
  Stream& stream = rt.scheduler.default_stream(current_device());
  const cudaError_t error = copy(rt, to, from, bytes, kind, &stream);
  const bool inside_device = kind == cudaMemcpyDeviceToDevice;  // the host does not wait for these
  if (error == cudaSuccess && !inside_device) rt.scheduler.wait(stream);
  return error;
}

cudaError_t fill(Runtime& rt, void* pointer, int value, std::size_t bytes, Stream* stream) {
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  if (bytes == 0) return cudaSuccess;
  const std::uint64_t address = address_of(pointer);
  if (rt.memory.find(address, bytes) == nullptr) return cudaErrorInvalidValue;
  Work work;
  work.name = "memset";
  work.type = cudaGraphNodeTypeMemset;
  work.run = [address, value, bytes] {
    std::memset(runtime().global.touch_range(address, bytes, ptx::MemoryAccess::kWrite), value, bytes);
  };
  return rt.submit(*stream, std::move(work));
}

// The device address of `bytes` bytes at `offset` in a variable of the program; nullptr if there are not that many.
void* symbol_address(Runtime& rt, const void* symbol, std::size_t bytes, std::size_t offset) {
  const ptx::Variable* const variable = rt.modules.variable(symbol);
  if (variable == nullptr || offset > variable->bytes || bytes > variable->bytes - offset) return nullptr;
  return reinterpret_cast<void*>(variable->address + offset);
}

}  // namespace

extern "C" {

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) { return copy(rt, to, from, bytes, kind, rt.stream(stream)); });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  return entry(__func__, [&](Runtime& rt) { return copy_and_wait(rt, to, from, bytes, kind); });
}

cudaError_t cudaMemcpyPeerAsync(void* to, int, const void* from, int, std::size_t bytes, cudaStream_t stream) {
  return entry(__func__,
               [&](Runtime& rt) { return copy(rt, to, from, bytes, cudaMemcpyDeviceToDevice, rt.stream(stream)); });
}

cudaError_t cudaMemsetAsync(void* pointer, int value, std::size_t bytes, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) { return fill(rt, pointer, value, bytes, rt.stream(stream)); });
}

cudaError_t cudaMemset(void* pointer, int value, std::size_t bytes) {
  return entry(__func__, [&](Runtime& rt) {
    return fill(rt, pointer, value, bytes, &rt.scheduler.default_stream(current_device()));
  });
}

cudaError_t cudaGetSymbolAddress(void** pointer, const void* symbol) {
  return entry(__func__, [&](Runtime& rt) {
    *pointer = symbol_address(rt, symbol, 0, 0);
    return *pointer == nullptr ? cudaErrorInvalidSymbol : cudaSuccess;
  });
}

cudaError_t cudaGetSymbolSize(std::size_t* bytes, const void* symbol) {
  return entry(__func__, [&](Runtime& rt) {
    const ptx::Variable* const variable = rt.modules.variable(symbol);
    if (variable == nullptr) return cudaErrorInvalidSymbol;
    *bytes = variable->bytes;
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyToSymbolAsync(const void* symbol, const void* from, std::size_t bytes, std::size_t offset,
                                    cudaMemcpyKind kind, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) {
    void* const to = symbol_address(rt, symbol, bytes, offset);
    return to == nullptr ? cudaErrorInvalidSymbol : copy(rt, to, from, bytes, kind, rt.stream(stream));
  });
}

cudaError_t cudaMemcpyToSymbol(const void* symbol, const void* from, std::size_t bytes, std::size_t offset,
                               cudaMemcpyKind kind) {
  return entry(__func__, [&](Runtime& rt) {
    void* const to = symbol_address(rt, symbol, bytes, offset);
    return to == nullptr ? cudaErrorInvalidSymbol : copy_and_wait(rt, to, from, bytes, kind);
  });
}

cudaError_t cudaMemcpyFromSymbolAsync(void* to, const void* symbol, std::size_t bytes, std::size_t offset,
                                      cudaMemcpyKind kind, cudaStream_t stream) {
  return entry(__func__, [&](Runtime& rt) {
    const void* const from = symbol_address(rt, symbol, bytes, offset);
    return from == nullptr ? cudaErrorInvalidSymbol : copy(rt, to, from, bytes, kind, rt.stream(stream));
  });
}

cudaError_t cudaMemcpyFromSymbol(void* to, const void* symbol, std::size_t bytes, std::size_t offset,
                                 cudaMemcpyKind kind) {
  return entry(__func__, [&](Runtime& rt) {
    const void* const from = symbol_address(rt, symbol, bytes, offset);
    return from == nullptr ? cudaErrorInvalidSymbol : copy_and_wait(rt, to, from, bytes, kind);
  });
}

}  // extern "C"
