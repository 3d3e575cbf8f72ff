// Which GPUs a build can use. Compute capabilities and architectures are numbers as in sm_80, sm_100.
#pragma once

#include <span>
#include <string>

namespace drift {

// What this build has machine code for, ascending; GPUs newer than the last take its PTX.
std::span<const int> built_architectures();

// What keeps a build from using a GPU of this compute capability, "" if nothing does. toolkit: CUDA's version as in
// CUDART_VERSION.
std::string why_unusable(int capability, std::span<const int> architectures, int toolkit);

}  // namespace drift
