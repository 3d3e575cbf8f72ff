// Files and directories that are complete or not there: written beside their place, made durable, then renamed into it.
// A crash leaves at most something that aside() names, which nobody reads and the next writer removes; or, where a
// directory was to be replaced and the file system (NFS, many FUSE) cannot let two names change places, the old one
// under the name that replaced() gives. Throws kOutput.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace drift {

// Where `path` is written before it is complete: ".NAME.partial" beside it.
std::filesystem::path aside(const std::filesystem::path& path);

// Whether it has such a name: what a writer that was interrupted left.
bool is_aside(const std::filesystem::path& path);

// Where the directory at `path` waits for the one that takes its place: ".NAME.replaced" beside it.
std::filesystem::path replaced(const std::filesystem::path& path);

// Returns when a file's bytes, or the names in a directory, are on the disk. Several files are written fastest when all
// of them are written before the first is waited for. A file system that does not do this for directories is warned of
// once.
void make_durable(const std::filesystem::path& path);

// A directory with the missing ones above it, each durable: what lies in one whose name is lost is lost with it.
// Returns whether it is new: of several that ask at once, one made it. `error`: why it is not there.
bool make_directories(const std::filesystem::path& path, std::error_code& error);
bool make_directories(const std::filesystem::path& path);  // throws kOutput instead

// Puts what was written at aside(path) into its place and returns when it is durable there; the files of a directory
// must be durable before. What was there is replaced in one atomic step, where the file system has one; a directory
// that was replaced is then removed, and one that cannot be is a warning.
void publish(const std::filesystem::path& path);

// With all that is in it; a warning where that fails.
void try_remove(const std::filesystem::path& path);

void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace drift
