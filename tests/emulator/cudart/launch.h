// Kernel launches: the checks that CUDA makes when a kernel is launched, and the work that runs it.
#pragma once

#include <cstddef>
#include <cuda_runtime_api.h>
#include <memory>
#include <vector>

#include "tests/emulator/cudart/modules.h"
#include "tests/emulator/cudart/work.h"

namespace drift::emulator {

struct Launch {
  const Function* function = nullptr;
  dim3 grid, block;
  std::size_t dynamic_shared = 0;
  std::vector<char> parameters;  // laid out as the kernel wants them
  bool cooperative = false;      // blocks may wait for each other: all must have a place at once
};

// Copies the arguments; returns CUDA's error where the configuration is not legal.
cudaError_t make_launch(const void* host_function, dim3 grid, dim3 block, void** arguments, std::size_t dynamic_shared,
                        bool cooperative, std::shared_ptr<const Launch>& launch);
Work kernel_work(std::shared_ptr<const Launch> launch);

cudaError_t resident_blocks(const Function& function, int threads, std::size_t dynamic_shared, int& blocks);

}  // namespace drift::emulator
