// Entry points of the runtime API: what nvcc's code calls to register kernels and to launch them.
#include <cstdio>
#include <cstring>
#include <cuda_runtime_api.h>
#include <utility>
#include <vector>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/launch.h"
#include "tests/emulator/cudart/report.h"
#include "tests/emulator/cudart/runtime.h"

using namespace drift::emulator;

namespace {

// What <<<...>>> says, kept until the kernel's own host function takes it.
struct Configuration {
  dim3 grid, block;
  std::size_t shared;
  cudaStream_t stream;
};

std::vector<Configuration>& configurations() {
  thread_local std::vector<Configuration> pushed;
  return pushed;
}

cudaError_t launch_kernel(Runtime& rt, const void* function, dim3 grid, dim3 block, void** arguments,
                          std::size_t shared, cudaStream_t handle, bool cooperative) {
  Stream* const stream = rt.stream(handle);
  if (stream == nullptr) return cudaErrorInvalidResourceHandle;
  std::shared_ptr<const Launch> launch;
  const cudaError_t error = make_launch(function, grid, block, arguments, shared, cooperative, launch);
  if (error != cudaSuccess) return error;
  Work work = kernel_work(std::move(launch));
  if (rt.calls.hang()) work.gate = [] { return false; };
  return rt.submit(*stream, std::move(work));
}

// What a launch may ask for beside its shape: hints change nothing here, clusters are not there.
cudaError_t read_attributes(const cudaLaunchConfig_t& config, bool& cooperative) {
  for (unsigned i = 0; i < config.numAttrs; ++i) {
    const cudaLaunchAttribute& attribute = config.attrs[i];
    if (attribute.id == cudaLaunchAttributeCooperative) cooperative = attribute.val.cooperative != 0;
    if (attribute.id != cudaLaunchAttributeClusterDimension) continue;
    const auto& cluster = attribute.val.clusterDim;
    if (cluster.x * cluster.y * cluster.z == 1) continue;
    std::fprintf(stderr, "[emulator] a launch asks for clusters of %u x %u x %u blocks: clusters are not modelled\n",
                 cluster.x, cluster.y, cluster.z);
    return cudaErrorNotSupported;
  }
  return cudaSuccess;
}

// The function with its kernel loaded, or the error for the lack of it.
cudaError_t find_function(Runtime& rt, const void* host, Function*& function) {
  function = rt.modules.function(host);
  if (function == nullptr) return cudaErrorInvalidDeviceFunction;
  if (function->kernel == nullptr) {
    return function->binary->usable ? cudaErrorInvalidDeviceFunction : cudaErrorNoKernelImageForDevice;
  }
  return cudaSuccess;
}

cudaError_t occupancy(Runtime& rt, int* blocks, const void* host, int threads, std::size_t shared) {
  Function* function = nullptr;
  const cudaError_t error = find_function(rt, host, function);
  return error == cudaSuccess ? resident_blocks(*function, threads, shared, *blocks) : error;
}

}  // namespace

extern "C" {

void** __cudaRegisterFatBinary(void* wrapper) {
  const std::lock_guard lock(runtime().mutex);
  return reinterpret_cast<void**>(runtime().modules.register_binary(wrapper));
}

void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
char __cudaInitModule(void**) {
  return 1;
}

void __cudaRegisterFunction(void** binary, const char* host, char*, const char* name, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  const std::lock_guard lock(runtime().mutex);
  runtime().modules.register_function(reinterpret_cast<FatBinary*>(binary), host, name);
}

void __cudaRegisterVar(void** binary, char* host, char*, const char* name, int, std::size_t, int, int) {
  const std::lock_guard lock(runtime().mutex);
  runtime().modules.register_variable(reinterpret_cast<FatBinary*>(binary), host, name);
}

void __cudaRegisterManagedVar(void**, void**, char*, const char* name, int, std::size_t, int, int) {
  stop(std::string("the variable ") + name + " is __managed__: the emulator has no managed memory");
}

unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, std::size_t shared, cudaStream_t stream) {
  configurations().push_back({grid, block, shared, stream});
  return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, std::size_t* shared, void* stream) {
  const Configuration last = configurations().back();
  configurations().pop_back();
  *grid = last.grid;
  *block = last.block;
  *shared = last.shared;
  std::memcpy(stream, &last.stream, sizeof last.stream);
  return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
  return cudaSuccess;
}

// `<<<...>>>` and cudaLaunchKernel are one call to a program, and so to EMU_FAIL.
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                               cudaStream_t stream) {
  return cudaLaunchKernel(reinterpret_cast<const void*>(kernel), grid, block, arguments, shared, stream);
}

cudaError_t cudaLaunchKernel(const void* function, dim3 grid, dim3 block, void** arguments, std::size_t shared,
                             cudaStream_t stream) {
  return entry(__func__,
               [&](Runtime& rt) { return launch_kernel(rt, function, grid, block, arguments, shared, stream, false); });
}

cudaError_t cudaLaunchCooperativeKernel(const void* function, dim3 grid, dim3 block, void** arguments,
                                        std::size_t shared, cudaStream_t stream) {
  return entry(__func__,
               [&](Runtime& rt) { return launch_kernel(rt, function, grid, block, arguments, shared, stream, true); });
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* function, void** arguments) {
  return entry(__func__, [&](Runtime& rt) {
    bool cooperative = false;
    if (const cudaError_t error = read_attributes(*config, cooperative); error != cudaSuccess) return error;
    return launch_kernel(rt, function, config->gridDim, config->blockDim, arguments, config->dynamicSmemBytes,
                         config->stream, cooperative);
  });
}

// Registers are unknown before ptxas: numRegs is a stand-in that fits any block.
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* host) {
  return entry(__func__, [&](Runtime& rt) {
    Function* function = nullptr;
    if (const cudaError_t error = find_function(rt, host, function); error != cudaSuccess) return error;
    *attributes = cudaFuncAttributes{};
    attributes->sharedSizeBytes = function->kernel->static_shared_bytes;
    attributes->maxThreadsPerBlock = static_cast<int>(function->kernel->max_threads);
    attributes->numRegs = kRegisters / kThreadsPerMultiprocessor;
    attributes->ptxVersion = attributes->binaryVersion = settings().sm;
    attributes->maxDynamicSharedSizeBytes = static_cast<int>(function->max_dynamic_shared);
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetAttribute(const void* host, cudaFuncAttribute attribute, int value) {
  return entry(__func__, [&](Runtime& rt) {
    Function* function = nullptr;
    if (const cudaError_t error = find_function(rt, host, function); error != cudaSuccess) return error;
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;  // hints
    const std::size_t most = device_table(settings().sm).shared_per_block_optin - function->kernel->static_shared_bytes;
    if (value < 0 || static_cast<std::size_t>(value) > most) return cudaErrorInvalidValue;
    function->max_dynamic_shared = value;
    return cudaSuccess;
  });
}

cudaError_t cudaFuncSetCacheConfig(const void* host, cudaFuncCache) {
  return entry(__func__, [&](Runtime& rt) {
    Function* function = nullptr;
    return find_function(rt, host, function);
  });
}

cudaError_t cudaFuncGetName(const char** name, const void* host) {
  return entry(__func__, [&](Runtime& rt) {
    Function* function = nullptr;
    const cudaError_t error = find_function(rt, host, function);
    if (error == cudaSuccess) *name = function->name.c_str();
    return error;
  });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void* host, int threads,
                                                          std::size_t shared) {
  return entry(__func__, [&](Runtime& rt) { return occupancy(rt, blocks, host, threads, shared); });
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void* host, int threads,
                                                                   std::size_t shared, unsigned) {
  return entry(__func__, [&](Runtime& rt) { return occupancy(rt, blocks, host, threads, shared); });
}

}  // extern "C"
