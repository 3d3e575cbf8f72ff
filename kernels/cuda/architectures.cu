// The architectures that nvcc was told to compile for: only nvcc knows them.
#include <array>

#include "kernels/cuda/architectures.h"

namespace drift {

std::span<const int> built_architectures() {
  static constexpr int kTimesTen[] = {__CUDA_ARCH_LIST__};
  static constexpr auto kArchitectures = [] {
    std::array<int, std::size(kTimesTen)> result{};
    for (std::size_t i = 0; i < result.size(); ++i) result[i] = kTimesTen[i] / 10;
    return result;
  }();
  return kArchitectures;
}

}  // namespace drift
