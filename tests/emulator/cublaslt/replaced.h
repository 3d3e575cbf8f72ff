// How every replaced function starts: the call is counted, and fails if EMU_FAIL says so. `real` is the function of the
// library behind it.
#pragma once

#include <cublasLt.h>

#include "tests/emulator/cudart/enqueue.h"
#include "tests/emulator/cudnn/real_function.h"

#define DRIFT_REPLACES extern "C" __attribute__((visibility("default"))) cublasStatus_t

#define DRIFT_LT_TEXT(number) DRIFT_LT_QUOTED(number)
#define DRIFT_LT_QUOTED(number) #number
#define DRIFT_REAL(name)    \
  static auto* const real = \
      drift::emulator::real_function<decltype(name)>(#name, "libcublasLt.so." DRIFT_LT_TEXT(CUBLAS_VER_MAJOR))
