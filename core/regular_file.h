// Opens files, and nothing else: what lies under a name that somebody gives may be a pipe, on which opening waits for
// its other end, or a device, on which it may do anything. All that reads or writes files by name goes through here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "core/error.h"

namespace drift {

// Why the last call to the system failed.
std::string system_reason();

// A descriptor, or why there is none: the system's reason, or what is there instead of a file.
struct OpenedFile {
  int descriptor = -1;
  std::uint64_t bytes = 0;  // that it has
  std::string problem = {};
  bool absent = false;  // nothing has that name

  explicit operator bool() const { return descriptor >= 0; }
};

// flags: O_RDONLY, or O_WRONLY with O_CREAT and others, as for open(); a new file can be read and written by all that
// the umask lets. What is only written may go to a device like /dev/null.
OpenedFile open_regular_file(const std::filesystem::path& path, int flags);

// Whether `path` still names the open file: who had it before may have removed it, or put another there.
bool is_still_there(int descriptor, const std::filesystem::path& path);

// The whole file, of at most `bytes_max` bytes; files of the system too, which do not know their size. Throws `kind`
// with the file's name and what is wrong with it.
std::string read_text(const std::filesystem::path& path, std::size_t bytes_max, ErrorKind kind);

// The same, or nothing where there is no file of that name.
std::optional<std::string> text_if_there(const std::filesystem::path& path, std::size_t bytes_max, ErrorKind kind);

}  // namespace drift
