// A file of a known size from a server, however often the connection breaks: each try goes on where the last one ended,
// if the server lets it, and so does a later call. Whether it is the right file, its checksum says, not this.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "data/fetch/partial_file.h"

namespace drift {

struct Remote {
  std::string url;
  std::uint64_t bytes = 0;
};

// How it is gone about, and what is told meanwhile.
struct DownloadOptions {
  const std::atomic<bool>& stop;
  std::function<void(double seconds)> wait;              // so long, or until `stop` is set
  std::function<void(std::uint64_t bytes)> progress;     // so many are there
  std::function<void(const std::string& text)> message;  // a line for people
  int tries = 6;  // in a row without getting kDownloadStep bytes further than any before
};
constexpr std::uint64_t kDownloadStep = std::uint64_t{1} << 20;

// Returns when `file` has all of it. Throws kComm when that does not come about, kData when what the server has is of
// another size, kOutput when it cannot be written, and kStopped; what has come stays in `file`.
void download(const Remote& remote, PartialFile& file, const DownloadOptions& options);

}  // namespace drift
