// What the processes of a job print, as mpirun --tag-output hands it on: each line with its process in front, and the
// first error kept for the end.
#pragma once

#include <string>
#include <string_view>

namespace drift {

class LaunchedOutput {
 public:
  // One line without its end; returns what to print. "[1,2]<stderr>:text" becomes "2: text"; what mpirun says itself
  // stays as it is.
  std::string line(std::string_view text);
  // The first line with which a process said why it ends, or "".
  const std::string& first_error() const { return first_error_; }

 private:
  std::string first_error_;
};

}  // namespace drift
