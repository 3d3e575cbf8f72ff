// What the programs of mistakes share: the argument names the one to make. Where a call is refused, the program writes
// "refused: NAME" and ends with 1; where nobody notices anything it ends with 0.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>

namespace drift::emulator::testing {

[[noreturn]] inline void refused(const char* name) {
  std::fprintf(stderr, "refused: %s\n", name);
  std::_Exit(1);
}

inline void check(cudaError_t error) {
  if (error != cudaSuccess) refused(cudaGetErrorName(error));
}

// The mistake of that name in the program's table; without one the program ends with 2.
template <class Mistake, std::size_t kCount>
const Mistake& asked_for(const Mistake (&mistakes)[kCount], int argc, char** argv) {
  for (const Mistake& mistake : mistakes) {
    if (argc == 2 && std::strcmp(argv[1], mistake.name) == 0) return mistake;
  }
  std::fprintf(stderr, "usage: %s MISTAKE\n", argv[0]);
  std::_Exit(2);
}

}  // namespace drift::emulator::testing
