// Error, the only exception Drift throws, and the checks that throw it.
// User and environment errors go through DRIFT_CHECK with a kind (each kind has one exit code, see exit_code());
// broken invariants of our own code go through DRIFT_ASSERT, which stays on in release builds.
#pragma once

#include <fmt/format.h>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace drift {

enum class ErrorKind { kInternal, kUsage, kConfig, kData, kDevice, kComm, kDiverged, kCheckpoint, kTolerance };

// The process exit code of a run that ended with an error of this kind: internal 1, usage 2, config 3, data 4, device
// 5, communication 6, diverged 7, checkpoint 8, tolerance 9.
int exit_code(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string message, std::string_view expression, std::source_location where);

  ErrorKind kind() const { return kind_; }
  // The message alone; what() adds file:line in front and the failed expression behind.
  const std::string& message() const { return message_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

namespace detail {
[[noreturn]] void fail(ErrorKind kind, std::string message, std::string_view expression, std::source_location where);
}  // namespace detail

}  // namespace drift

// DRIFT_FAIL(kData, "{}: label {} is out of range 0..9", path, label);
#define DRIFT_FAIL(kind, ...) \
  ::drift::detail::fail(::drift::ErrorKind::kind, fmt::format(__VA_ARGS__), {}, std::source_location::current())

// DRIFT_CHECK(kConfig, period > 0, "--period must be at least 1, got {}", period);
#define DRIFT_CHECK(kind, condition, ...)                                                   \
  do {                                                                                      \
    if (!(condition)) [[unlikely]] {                                                        \
      ::drift::detail::fail(::drift::ErrorKind::kind, fmt::format(__VA_ARGS__), #condition, \
                            std::source_location::current());                               \
    }                                                                                       \
  } while (false)

#define DRIFT_ASSERT(condition, ...) DRIFT_CHECK(kInternal, condition, __VA_ARGS__)
