// Entry points of the runtime API: devices, their properties, peer access.
#include <cstdio>
#include <cstring>
#include <cuda_runtime_api.h>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

bool exists(int device) {
  return device >= 0 && device < settings().devices;
}

const DeviceTable& table() {
  return device_table(settings().sm);
}

void fill(cudaDeviceProp& properties, int device) {
  std::memset(&properties, 0, sizeof properties);
  std::snprintf(properties.name, sizeof properties.name, "%s", table().name);
  properties.uuid.bytes[0] = static_cast<char>(device + 1);
  properties.totalGlobalMem = settings().memory;
  properties.sharedMemPerBlock = kSharedPerBlock;
  properties.sharedMemPerBlockOptin = table().shared_per_block_optin;
  properties.sharedMemPerMultiprocessor = table().shared_per_multiprocessor;
  properties.reservedSharedMemPerBlock = kReservedSharedPerBlock;
  properties.regsPerBlock = kRegisters;
  properties.regsPerMultiprocessor = kRegisters;
  properties.warpSize = 32;
  properties.maxThreadsPerBlock = kThreadsPerBlock;
  properties.maxThreadsPerMultiProcessor = kThreadsPerMultiprocessor;
  properties.maxBlocksPerMultiProcessor = kBlocksPerMultiprocessor;
  const int block[] = {kThreadsPerBlock, kThreadsPerBlock, kBlockDepth};
  const int grid[] = {2147483647, kGridHeight, kGridHeight};
  std::memcpy(properties.maxThreadsDim, block, sizeof block);
  std::memcpy(properties.maxGridSize, grid, sizeof grid);
  properties.totalConstMem = kConstantBytes;
  properties.major = table().sm / 10;
  properties.minor = table().sm % 10;
  properties.multiProcessorCount = table().multiprocessors;
  properties.memoryBusWidth = table().bus_bits;
  properties.l2CacheSize = table().l2_bytes;
  properties.pciBusID = device_attribute(table(), cudaDevAttrPciBusId) + device;
  properties.textureAlignment = 512;
  properties.asyncEngineCount = 3;
  properties.canMapHostMemory = properties.concurrentKernels = properties.unifiedAddressing = 1;
  properties.streamPrioritiesSupported = properties.hostRegisterSupported = properties.memoryPoolsSupported = 1;
  properties.canUseHostPointerForRegisteredMem = properties.cooperativeLaunch = 1;
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = settings().devices;
  const bool too_old = settings().driver / 1000 < CUDART_VERSION / 1000;
  // With no device all calls fail.
  return entry(__func__, [&](Runtime&) { return too_old ? cudaErrorInsufficientDriver : cudaSuccess; });
}

cudaError_t cudaSetDevice(int device) {
  return entry(__func__, [&](Runtime& rt) {
    if (!exists(device)) return cudaErrorInvalidDevice;
    current_device() = device;
    rt.calls.open_context(device);
    return cudaSuccess;
  });
}

cudaError_t cudaInitDevice(int device, unsigned, unsigned) {
  return entry(__func__, [&](Runtime&) { return exists(device) ? cudaSuccess : cudaErrorInvalidDevice; });
}

cudaError_t cudaGetDevice(int* device) {
  return entry(__func__, [&](Runtime&) {
    *device = current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  return entry(__func__, [&](Runtime&) {
    if (!exists(device)) return cudaErrorInvalidDevice;
    fill(*properties, device);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return entry(__func__, [&](Runtime&) {
    if (!exists(device)) return cudaErrorInvalidDevice;
    *value = device_attribute(table(), attribute);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* id, int length, int device) {
  return entry(__func__, [&](Runtime&) {
    if (!exists(device)) return cudaErrorInvalidDevice;
    std::snprintf(id, length, "0000:%02x:00.0", device);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  return entry(__func__, [&](Runtime&) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return entry(__func__, [](Runtime& rt) {
    const cudaError_t error = rt.captures.refuse_unsafe();
    if (error == cudaSuccess) rt.scheduler.wait_for_device(current_device());
    return error;
  });
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int device, int peer) {
  return entry(__func__, [&](Runtime&) {
    if (!exists(device) || !exists(peer)) return cudaErrorInvalidDevice;
    *can = device != peer;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceEnablePeerAccess(int peer, unsigned) {
  return entry(__func__, [&](Runtime& rt) {
    if (!exists(peer) || peer == current_device()) return cudaErrorInvalidDevice;
    if (rt.global.peer_allowed(current_device(), peer)) return cudaErrorPeerAccessAlreadyEnabled;
    rt.global.allow_peer(current_device(), peer);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceDisablePeerAccess(int peer) {
  return entry(__func__, [&](Runtime& rt) {
    rt.scheduler.wait_for_device(current_device());
    return rt.global.forbid_peer(current_device(), peer) ? cudaSuccess : cudaErrorPeerAccessNotEnabled;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total) {
  return entry(__func__, [&](Runtime& rt) {
    *total = rt.memory.capacity();
    *free_bytes = *total - rt.memory.used(current_device());
    return cudaSuccess;
  });
}

}  // extern "C"
