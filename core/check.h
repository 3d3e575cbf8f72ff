// The checks that throw Error, the only exception Drift throws (core/error.h).
// User and environment errors go through DRIFT_CHECK with a kind (each kind has one exit code, see exit_code());
// broken invariants of our own code go through DRIFT_ASSERT, which stays on in release builds.
#pragma once

#include <fmt/format.h>
#include <source_location>

#include "core/error.h"

// DRIFT_FAIL(kData, "{}: label {} is out of range 0..9", path, label);
#define DRIFT_FAIL(kind, ...) DRIFT_FAIL_AS(::drift::ErrorKind::kind, __VA_ARGS__)

// DRIFT_CHECK(kConfig, period > 0, "--period must be at least 1, got {}", period);
#define DRIFT_CHECK(kind, condition, ...) DRIFT_CHECK_AS(::drift::ErrorKind::kind, condition, __VA_ARGS__)

// The same where the caller says of which kind it is.
#define DRIFT_FAIL_AS(kind, ...) \
  ::drift::detail::fail(kind, fmt::format(__VA_ARGS__), {}, std::source_location::current())
#define DRIFT_CHECK_AS(kind, condition, ...)                                                              \
  do {                                                                                                    \
    if (!(condition)) [[unlikely]] {                                                                      \
      ::drift::detail::fail(kind, fmt::format(__VA_ARGS__), #condition, std::source_location::current()); \
    }                                                                                                     \
  } while (false)

#define DRIFT_ASSERT(condition, ...) DRIFT_CHECK(kInternal, condition, __VA_ARGS__)
