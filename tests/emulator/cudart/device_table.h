// The emulated devices' attributes, for the runtime and for the fake driver alike (CUdevice_attribute has the same
// numbers). Published figures where there are any; what is not listed is 0, which is "no" for nearly all attributes.
#pragma once

#include <cuda_runtime_api.h>

namespace drift::emulator {

struct DeviceTable {
  int sm;
  const char* name;
  int multiprocessors;
  int clock_khz, memory_clock_khz, bus_bits;
  int l2_bytes;
  int shared_per_multiprocessor, shared_per_block_optin;
  double host_bytes_per_second;  // PCIe, one direction
};

inline constexpr DeviceTable kDeviceTables[] = {
    {75, "Emulated sm_75", 40, 1590000, 5001000, 256, 4194304, 65536, 65536, 12e9},
    {80, "Emulated sm_80", 108, 1410000, 1593000, 5120, 41943040, 167936, 166912, 25e9},
    {90, "Emulated sm_90", 132, 1980000, 2619000, 5120, 52428800, 233472, 232448, 50e9},
    {100, "Emulated sm_100", 148, 1965000, 3996000, 8192, 132644864, 233472, 232448, 50e9},
};

inline const DeviceTable& device_table(int sm) {
  for (const DeviceTable& table : kDeviceTables) {
    if (table.sm == sm) return table;
  }
  return kDeviceTables[2];
}

// Two transfers a clock.
inline double memory_bytes_per_second(const DeviceTable& table) {
  return 2e3 * table.memory_clock_khz * (table.bus_bits / 8.0);
}

inline constexpr int kThreadsPerBlock = 1024;
inline constexpr int kBlockDepth = 64;
inline constexpr int kGridHeight = 65535;  // and depth
inline constexpr int kSharedPerBlock = 49152;
inline constexpr int kReservedSharedPerBlock = 1024;
inline constexpr int kThreadsPerMultiprocessor = 2048;
inline constexpr int kBlocksPerMultiprocessor = 32;
inline constexpr int kRegisters = 65536;
inline constexpr int kConstantBytes = 65536;

// Some attributes of all devices; the rest is in device_attribute.
inline int common_attribute(cudaDeviceAttr attribute);

inline int device_attribute(const DeviceTable& table, cudaDeviceAttr attribute) {
  switch (attribute) {
    case cudaDevAttrClockRate:
      return table.clock_khz;
    case cudaDevAttrMultiProcessorCount:
      return table.multiprocessors;
    case cudaDevAttrMemoryClockRate:
      return table.memory_clock_khz;
    case cudaDevAttrGlobalMemoryBusWidth:
      return table.bus_bits;
    case cudaDevAttrL2CacheSize:
      return table.l2_bytes;
    case cudaDevAttrComputeCapabilityMajor:
      return table.sm / 10;
    case cudaDevAttrComputeCapabilityMinor:
      return table.sm % 10;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      return table.shared_per_multiprocessor;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      return table.shared_per_block_optin;
    default:
      return common_attribute(attribute);
  }
}

inline int common_attribute(cudaDeviceAttr attribute) {
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
    case cudaDevAttrMaxBlockDimX:
    case cudaDevAttrMaxBlockDimY:
      return kThreadsPerBlock;
    case cudaDevAttrMaxBlockDimZ:
      return kBlockDepth;
    case cudaDevAttrMaxGridDimX:
    case cudaDevAttrMaxPitch:
      return 2147483647;
    case cudaDevAttrMaxGridDimY:
    case cudaDevAttrMaxGridDimZ:
      return kGridHeight;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      return kSharedPerBlock;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      return kReservedSharedPerBlock;
    case cudaDevAttrTotalConstantMemory:
      return kConstantBytes;
    case cudaDevAttrWarpSize:
      return 32;
    case cudaDevAttrMaxRegistersPerBlock:
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      return kRegisters;
    case cudaDevAttrTextureAlignment:
      return 512;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      return kThreadsPerMultiprocessor;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
      return kBlocksPerMultiprocessor;
    case cudaDevAttrAsyncEngineCount:
      return 3;
    case cudaDevAttrSingleToDoublePrecisionPerfRatio:
      return 2;
    case cudaDevAttrGpuOverlap:
    case cudaDevAttrCanMapHostMemory:
    case cudaDevAttrConcurrentKernels:
    case cudaDevAttrCooperativeLaunch:
    case cudaDevAttrUnifiedAddressing:
    case cudaDevAttrStreamPrioritiesSupported:
    case cudaDevAttrGlobalL1CacheSupported:
    case cudaDevAttrLocalL1CacheSupported:
    case cudaDevAttrComputePreemptionSupported:
    case cudaDevAttrCanUseHostPointerForRegisteredMem:
    case cudaDevAttrHostRegisterSupported:
    case cudaDevAttrMemoryPoolsSupported:
      return 1;
    default:
      return 0;
  }
}

}  // namespace drift::emulator
