// Files and directories that are complete or not there: written beside their place, made durable, then renamed into it.
// A crash leaves at most something that aside() names, which nobody reads and the next writer removes. Throws
// kCheckpoint.
#pragma once

#include <filesystem>
#include <string_view>

namespace drift {

// Where `path` is written before it is complete: ".NAME.partial" beside it.
std::filesystem::path aside(const std::filesystem::path& path);

// Returns when a file's bytes, or the names in a directory, are on the disk. Several files are written fastest when all
// of them are written before the first is waited for.
void make_durable(const std::filesystem::path& path);

// Puts what was written at aside(path) into its place and returns when it is durable there; the files of a directory
// must be durable before. What was there is replaced in one atomic step; a directory that was replaced is then removed.
void publish(const std::filesystem::path& path);

void write_file_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace drift
