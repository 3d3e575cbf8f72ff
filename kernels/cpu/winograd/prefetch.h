// Brings what comes next into the caches, a little at each of the 36 multiplications, which wait for nothing else.
#pragma once

#include "kernels/cpu/winograd/transforms.h"

namespace drift::winograd {

enum class Use : int { kRead = 0, kWrite = 1 };

template <Use kUse>
class Prefetch {
 public:
  template <class E>
  __attribute__((always_inline)) Prefetch(const E* from, std::ptrdiff_t elements)
      : at_(reinterpret_cast<const char*>(from)),
        step_((elements * static_cast<std::ptrdiff_t>(sizeof(E)) + kPoints - 1) / kPoints) {
    step_ = (step_ + kLine - 1) / kLine * kLine;
  }

  __attribute__((always_inline)) void operator()() {
    for (std::ptrdiff_t i = 0; i < step_; i += kLine) {
      if constexpr (kUse == Use::kWrite) {
        __builtin_prefetch(at_ + i, 1, 3);
      } else {
        __builtin_prefetch(at_ + i, 0, 2);
      }
    }
    at_ += step_;
  }

 private:
  static constexpr std::ptrdiff_t kLine = 64;
  const char* at_;
  std::ptrdiff_t step_;
};

}  // namespace drift::winograd
