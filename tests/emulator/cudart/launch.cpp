#include "tests/emulator/cudart/launch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/runtime.h"

namespace drift::emulator {
namespace {

constexpr std::uint64_t kTimerStart = 1'700'000'000'000'000'000;  // of %globaltimer: as if it counted from 1970

ptx::Dim3 interpreter_dim(dim3 value) {
  return {value.x, value.y, value.z};
}

cudaError_t check_configuration(const Function& function, dim3 grid, dim3 block, std::size_t dynamic_shared) {
  const auto threads = std::uint64_t{block.x} * block.y * block.z;
  const bool empty = threads == 0 || grid.x == 0 || grid.y == 0 || grid.z == 0;
  if (empty || threads > kThreadsPerBlock || block.z > kBlockDepth) return cudaErrorInvalidConfiguration;
  if (grid.x > 2147483647u || grid.y > kGridHeight || grid.z > kGridHeight) return cudaErrorInvalidConfiguration;
  if (threads > function.kernel->max_threads) return cudaErrorLaunchOutOfResources;
  if (dynamic_shared > function.max_dynamic_shared) return cudaErrorInvalidValue;
  return cudaSuccess;
}

cudaError_t check_places(const Function& function, dim3 grid, dim3 block, std::size_t dynamic_shared) {
  int blocks = 0;
  const int threads = static_cast<int>(block.x * block.y * block.z);
  const cudaError_t error = resident_blocks(function, threads, dynamic_shared, blocks);
  if (error != cudaSuccess) return error;
  const auto places = std::uint64_t(blocks) * device_table(settings().sm).multiprocessors;
  return std::uint64_t{grid.x} * grid.y * grid.z > places ? cudaErrorCooperativeLaunchTooLarge : cudaSuccess;
}

void run_kernel(const Launch& launch) {
  Runtime& rt = runtime();
  ptx::Options options;
  options.seed = settings().seed == 0 ? 0 : rt.scheduler.random() | 1;
  options.report_global = settings().race;
  options.cooperative = launch.cooperative;
  if (launch.cooperative) {
    options.grid_workspace = rt.global.begin_grid(std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z);
  }
  options.timer = kTimerStart + static_cast<std::uint64_t>(rt.scheduler.begin_of_running());
  options.max_warp_instructions = settings().max_instructions;
  const std::uint64_t before = rt.statistics.global_bytes;
  rt.statistics.timer = 0;
  try {
    ptx::launch(*launch.function->kernel, interpreter_dim(launch.grid), interpreter_dim(launch.block),
                launch.dynamic_shared, launch.parameters.data(), rt.global, options, rt.statistics);
  } catch (const ptx::Error& error) {
    const std::string refusal = rt.global.take_refusal();
    throw ptx::Error(refusal.empty() ? error.what() : error.what() + ("; " + refusal));
  }
  rt.scheduler.count_moved(rt.statistics.global_bytes - before);
  rt.scheduler.count_timer(static_cast<Nanoseconds>(rt.statistics.timer));
}

}  // namespace

cudaError_t make_launch(const void* host_function, dim3 grid, dim3 block, void** arguments, std::size_t dynamic_shared,
                        bool cooperative, std::shared_ptr<const Launch>& launch) {
  const Function* const function = runtime().modules.function(host_function);
  if (function == nullptr) return cudaErrorInvalidDeviceFunction;
  if (function->kernel == nullptr) {
    return function->binary->usable ? cudaErrorInvalidDeviceFunction : cudaErrorNoKernelImageForDevice;
  }
  cudaError_t error = check_configuration(*function, grid, block, dynamic_shared);
  if (error == cudaSuccess && cooperative) error = check_places(*function, grid, block, dynamic_shared);
  if (error != cudaSuccess) return error;
  auto made = std::make_shared<Launch>(Launch{function, grid, block, dynamic_shared, {}, cooperative});
  made->parameters.resize(function->kernel->parameter_bytes);
  for (std::size_t i = 0; i < function->kernel->parameters.size(); ++i) {
    const ptx::Parameter& parameter = function->kernel->parameters[i];
    std::memcpy(made->parameters.data() + parameter.offset, arguments[i], parameter.bytes);
  }
  launch = std::move(made);
  return cudaSuccess;
}

Work kernel_work(std::shared_ptr<const Launch> launch) {
  Work work;
  work.name = launch->function->name;
  work.type = cudaGraphNodeTypeKernel;
  work.launch = launch;
  work.run = [launch] { run_kernel(*launch); };
  return work;
}

cudaError_t resident_blocks(const Function& function, int threads, std::size_t dynamic_shared, int& blocks) {
  if (threads <= 0) return cudaErrorInvalidValue;
  const DeviceTable& table = device_table(settings().sm);
  const std::size_t shared = function.kernel->static_shared_bytes + dynamic_shared;
  if (threads > kThreadsPerBlock || shared > static_cast<std::size_t>(table.shared_per_block_optin)) {
    blocks = 0;
    return cudaSuccess;
  }
  const int warps = (threads + 31) / 32;
  blocks = std::min(kBlocksPerMultiprocessor, kThreadsPerMultiprocessor / 32 / warps);
  const std::size_t by_shared = table.shared_per_multiprocessor / (shared + kReservedSharedPerBlock);
  blocks = static_cast<int>(std::min<std::size_t>(blocks, by_shared));
  return cudaSuccess;
}

}  // namespace drift::emulator
