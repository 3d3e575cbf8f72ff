// Ranks as CUDA devices of this process.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "comm/communicator.h"

namespace drift {

// One communicator for each of the devices, rank by rank. Throws kComm in a build without NCCL.
std::vector<std::unique_ptr<Communicator>> make_nccl_communicators(std::span<const Device> devices);

}  // namespace drift
