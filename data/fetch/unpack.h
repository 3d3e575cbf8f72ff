// From an archive whose checksum is right to a directory that is complete or not there, and looking at it later. The
// directory lists its files with their checksums, as `md5sum --check MD5SUMS` reads them.
#pragma once

#include <atomic>
#include <filesystem>

#include "data/fetch/remote_archive.h"

namespace drift {

inline constexpr const char* kChecksumsFile = "MD5SUMS";

// The files of `what` become those of `directory`, written beside it and then renamed. Throws kData, naming the member,
// for one that is not as `what` has it, or that no archive of a data set has (data/archive.h); kOutput; and kStopped.
void unpack(const std::filesystem::path& archive, const RemoteArchive& what, const std::filesystem::path& directory,
            const std::atomic<bool>& stop);

// Whether `directory` is there, and all of it as it was unpacked. Throws kUsage for one of something else, kData for a
// file that is missing or changed.
bool is_unpacked(const RemoteArchive& what, const std::filesystem::path& directory);

}  // namespace drift
