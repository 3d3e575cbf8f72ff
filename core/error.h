// Error, the only exception Drift throws. Apart from core/check.h because nvcc cannot compile the formatting library
// that the checks need.
#pragma once

#include <exception>
#include <source_location>
#include <stdexcept>
#include <string>
#include <string_view>

namespace drift {

enum class ErrorKind {
  kInternal,
  kUsage,
  kConfig,
  kData,
  kDevice,
  kComm,
  kDiverged,
  kCheckpoint,
  kTolerance,
  kOutput,   // what was to be written cannot be: results, a run's files, a checkpoint
  kStopped,  // asked to: no mistake, and there is a way to go on
};

// The process exit code of a run that ended with an error of this kind: 1 for internal, then one more for each kind in
// the order above, up to 9 for tolerance; for the last two those of sysexits.h, 74 and 75. README.md lists them.
int exit_code(ErrorKind kind);

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, std::string message, std::string_view expression, std::source_location where);

  ErrorKind kind() const { return kind_; }
  // The message alone; what() adds file:line in front and the failed expression behind.
  const std::string& message() const { return message_; }
  // For people: the message; of a bug all of what(), because where it was noticed matters to who reports it.
  std::string report() const { return kind_ == ErrorKind::kInternal ? what() : message_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

// What any exception says: itself, if it is ours. Of the others, memory and the system's refusals are kDevice, the file
// system's kData; any other is a bug, kInternal.
Error caught_error(const std::exception_ptr& exception);

namespace detail {
[[noreturn]] void fail(ErrorKind kind, std::string message, std::string_view expression, std::source_location where);
}  // namespace detail

}  // namespace drift
