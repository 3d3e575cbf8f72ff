// Tests labelled `gpu` run on whatever device there is. Without one they are skipped and counted, or fail where
// DRIFT_REQUIRE names gpu.
#pragma once

#include <cstdlib>
#include <gtest/gtest.h>
#include <string_view>

#include "kernels/cuda.h"

// First thing in SetUp() or in a test.
#define DRIFT_NEEDS_GPU()                                                                            \
  do {                                                                                               \
    if (::drift::cuda_device_count() == 0) {                                                         \
      const char* const required = std::getenv("DRIFT_REQUIRE");                                     \
      if (required != nullptr && std::string_view(required).find("gpu") != std::string_view::npos) { \
        FAIL() << "DRIFT_REQUIRE names gpu, and there is no CUDA device";                            \
      }                                                                                              \
      GTEST_SKIP() << "no CUDA device";                                                              \
    }                                                                                                \
  } while (false)
