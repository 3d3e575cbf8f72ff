// A libcuda.so.1 without a device: enough for cuDNN to load its modules and to finalize execution plans, not to run
// anything. Modules and kernels are accepted unread. What is not here returns success (generate_stubs.py). cuDNN links
// its own CUDA runtime, which asks for private tables by cuGetExportTable: those are "not found", so that no handle of
// a library can be made.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda.h>
#include <string>
#include <string_view>

#include "tests/emulator/cudart/device_table.h"

struct DriverFunction {
  const char* name;
  void* address;
};
extern const DriverFunction driver_functions[];  // generated; ends with {nullptr, nullptr}

namespace {

using drift::emulator::device_table;
using drift::emulator::DeviceTable;

int environment_number(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::atoi(text);
}

void trace(const char* what, const char* name) {
  static const bool wanted = environment_number("EMU_DRIVER_TRACE", 0) != 0;
  if (wanted) std::fprintf(stderr, "[emulator] driver: %s %s\n", what, name);
}

const DeviceTable& table() {
  static const DeviceTable& value = device_table(environment_number("EMU_SM", 90));
  return value;
}

std::size_t memory_bytes() {
  const char* const text = std::getenv("EMU_MEMORY");
  return text == nullptr || *text == '\0' ? std::size_t{16} << 30 : std::strtoull(text, nullptr, 10);
}

// Handles are numbers that nothing looks behind.
template <typename Handle>
CUresult new_handle(Handle* handle) {
  static std::uintptr_t next = 0x1000;
  *handle = reinterpret_cast<Handle>(next += 16);
  return CUDA_SUCCESS;
}

CUcontext context() {
  static char object;
  return reinterpret_cast<CUcontext>(&object);
}

void* find(const std::string& name) {
  for (const DriverFunction* function = driver_functions; function->name != nullptr; ++function) {
    if (name == function->name) return function->address;
  }
  return nullptr;
}

// The newest version of a function, in the form for the default stream that the caller was compiled for.
void* find_newest(const std::string& name, bool per_thread) {
  const std::string endings[] = {per_thread ? "_ptsz" : "", ""};
  for (const std::string& ending : endings) {
    for (const char* version : {"_v4", "_v3", "_v2", ""}) {
      if (void* const address = find(name + version + ending)) return address;
    }
  }
  return nullptr;
}

}  // namespace

int emulator_driver_stub(const char* name) {
  trace("nothing done for", name);
  return CUDA_SUCCESS;
}

extern "C" {

CUresult cuDriverGetVersion(int* version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}

CUresult cuGetProcAddress_v2(const char* symbol, void** function, int, cuuint64_t flags,
                             CUdriverProcAddressQueryResult* result) {
  *function = find_newest(symbol, (flags & CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM) != 0);
  trace(*function == nullptr ? "not found:" : "found:", symbol);
  if (result != nullptr) {
    *result = *function == nullptr ? CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND : CU_GET_PROC_ADDRESS_SUCCESS;
  }
  return *function == nullptr ? CUDA_ERROR_NOT_FOUND : CUDA_SUCCESS;
}

#undef cuGetProcAddress
CUresult cuGetProcAddress(const char* symbol, void** function, int version, cuuint64_t flags) {
  return cuGetProcAddress_v2(symbol, function, version, flags, nullptr);
}

CUresult cuGetExportTable(const void** exported, const CUuuid*) {
  *exported = nullptr;
  return CUDA_ERROR_NOT_FOUND;
}

CUresult cuGetErrorName(CUresult, const char** text) {
  *text = "CUDA_ERROR_EMULATED";
  return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult, const char** text) {
  *text = "an error of the emulated driver";
  return CUDA_SUCCESS;
}

// Devices

CUresult cuDeviceGetCount(int* count) {
  *count = environment_number("EMU_DEVICES", 1);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice* device, int ordinal) {
  *device = ordinal;
  return ordinal < environment_number("EMU_DEVICES", 1) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetName(char* name, int length, CUdevice) {
  std::snprintf(name, length, "%s", table().name);
  return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(std::size_t* bytes, CUdevice) {
  *bytes = memory_bytes();
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetUuid_v2(CUuuid* uuid, CUdevice device) {
  std::memset(uuid, 0, sizeof *uuid);
  uuid->bytes[0] = static_cast<char>(device + 1);
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice device) {
  std::snprintf(id, length, "0000:%02x:00.0", device);
  return CUDA_SUCCESS;
}

CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice) {
  *major = table().sm / 10;
  *minor = table().sm % 10;
  return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute attribute, CUdevice) {
  *value = device_attribute(table(), static_cast<cudaDeviceAttr>(attribute));
  return CUDA_SUCCESS;
}

// Contexts: there is one, and it is always current.

CUresult cuDevicePrimaryCtxRetain(CUcontext* result, CUdevice) {
  *result = context();
  return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxGetState(CUdevice, unsigned* flags, int* active) {
  *flags = 0;
  *active = 1;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetCurrent(CUcontext* result) {
  *result = context();
  return CUDA_SUCCESS;
}

CUresult cuCtxPopCurrent_v2(CUcontext* result) {
  if (result != nullptr) *result = context();
  return CUDA_SUCCESS;
}

CUresult cuCtxGetDevice(CUdevice* device) {
  *device = 0;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetApiVersion(CUcontext, unsigned* version) {
  *version = CUDA_VERSION;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetFlags(unsigned* flags) {
  *flags = 0;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetId(CUcontext, unsigned long long* id) {
  *id = 1;
  return CUDA_SUCCESS;
}

CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return CUDA_SUCCESS;
}

CUresult cuMemGetInfo_v2(std::size_t* free_bytes, std::size_t* total) {
  *free_bytes = *total = memory_bytes();
  return CUDA_SUCCESS;
}

// Modules and kernels

CUresult cuModuleGetLoadingMode(CUmoduleLoadingMode* mode) {
  *mode = CU_MODULE_LAZY_LOADING;
  return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule* module, const void*) {
  return new_handle(module);
}
CUresult cuModuleLoadDataEx(CUmodule* module, const void*, unsigned, CUjit_option*, void**) {
  return new_handle(module);
}
CUresult cuModuleLoadFatBinary(CUmodule* module, const void*) {
  return new_handle(module);
}
CUresult cuModuleGetFunction(CUfunction* function, CUmodule, const char* name) {
  trace("kernel asked for:", name);
  return new_handle(function);
}

CUresult cuLibraryLoadData(CUlibrary* library, const void*, CUjit_option*, void**, unsigned, CUlibraryOption*, void**,
                           unsigned) {
  return new_handle(library);
}

CUresult cuLibraryGetKernel(CUkernel* kernel, CUlibrary, const char* name) {
  trace("kernel asked for:", name);
  return new_handle(kernel);
}

CUresult cuLibraryGetModule(CUmodule* module, CUlibrary) {
  return new_handle(module);
}
CUresult cuKernelGetFunction(CUfunction* function, CUkernel) {
  return new_handle(function);
}

CUresult cuFuncGetAttribute(int* value, CUfunction_attribute attribute, CUfunction) {
  switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = drift::emulator::kThreadsPerBlock;
      break;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      *value = 64;
      break;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
      *value = table().sm;
      break;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = table().shared_per_block_optin - drift::emulator::kReservedSharedPerBlock;
      break;
    default:
      *value = 0;
  }
  return CUDA_SUCCESS;
}

CUresult cuKernelGetAttribute(int* value, CUfunction_attribute attribute, CUkernel, CUdevice) {
  return cuFuncGetAttribute(value, attribute, nullptr);
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, CUfunction, int threads, std::size_t shared) {
  const std::size_t by_shared = table().shared_per_multiprocessor / (shared + drift::emulator::kReservedSharedPerBlock);
  const int by_threads = drift::emulator::kThreadsPerMultiprocessor / std::max(threads, 1);
  *blocks = std::min({static_cast<int>(by_shared), by_threads, drift::emulator::kBlocksPerMultiprocessor});
  return CUDA_SUCCESS;
}

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, CUfunction function, int threads,
                                                              std::size_t shared, unsigned) {
  return cuOccupancyMaxActiveBlocksPerMultiprocessor(blocks, function, threads, shared);
}

CUresult cuStreamIsCapturing(CUstream, CUstreamCaptureStatus* status) {
  *status = CU_STREAM_CAPTURE_STATUS_NONE;
  return CUDA_SUCCESS;
}

}  // extern "C"
