// The standard library's calls that ask the file system about paths throw an exception of their own where the system
// does not say: a name that is too long, links in a circle, a directory that may not be searched. What such calls are
// for decides the kind of error.
#pragma once

#include <filesystem>
#include <system_error>

#include "core/check.h"

namespace drift {

// Of what kind the system's refusal is: memory that is short is that of the machine, whatever it was for.
inline ErrorKind kind_of(const std::error_code& error, ErrorKind otherwise) {
  return error == std::errc::not_enough_memory ? ErrorKind::kDevice : otherwise;
}

// Runs `call` and returns what it returns. Throws `kind`, naming the path and the system's reason, in place of what
// std::filesystem throws.
template <class Call>
auto with_file_errors(ErrorKind kind, const Call& call) {
  try {
    return call();
  } catch (const std::filesystem::filesystem_error& error) {
    DRIFT_FAIL_AS(kind_of(error.code(), kind), "{}: {}", error.path1().string(), error.code().message());
  }
}

// Whether the two paths lead to the same place, which need not be there.
inline bool is_same_place(ErrorKind kind, const std::filesystem::path& a, const std::filesystem::path& b) {
  return with_file_errors(kind,
                          [&] { return std::filesystem::weakly_canonical(a) == std::filesystem::weakly_canonical(b); });
}

}  // namespace drift
