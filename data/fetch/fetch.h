// A data set from the web to a directory: downloaded, verified by the checksum that its publisher gives, unpacked, and
// put into its place as a whole. Each step is taken up where an earlier call left it; nothing else reaches for the net.
#pragma once

#include <filesystem>
#include <string>

#include "data/fetch/download.h"
#include "data/fetch/remote_archive.h"

namespace drift {

enum class Fetched : std::uint8_t { kNow, kBefore };

// url: where else the same archive is; "": at its publisher's. What has come of it lies beside `directory` as
// ".NAME.tar.gz.partial" until the directory is in its place. Throws as download(), unpack() and is_unpacked(), and
// kData, naming both, for an archive with another checksum, which is removed.
Fetched fetch(const RemoteArchive& archive, const std::filesystem::path& directory, const std::string& url,
              const DownloadOptions& options);

}  // namespace drift
