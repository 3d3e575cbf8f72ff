// From a source of images to a packed file of them.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "data/bad_images.h"
#include "data/loader_pool.h"
#include "data/pack_encoder.h"
#include "data/source.h"

namespace drift {

struct PackReport {
  std::int64_t images = 0, left_out = 0;
  std::int64_t taken_up = 0;  // of `images`, those that were there already
  std::uint64_t bytes = 0;    // of the file
};

// Writes `path`, or goes on writing it after an earlier call with the same source and options, or finds it done. The
// bytes are the same for any number of threads. progress: is told how many images of the source are done, now and then.
// Throws kUsage where `path` is something else, kData for an image that cannot be decoded unless those are skipped,
// kOutput for what cannot be written, kStopped once `stop` is true: what is done then is kept.
PackReport pack(const Source& source, const std::filesystem::path& path, const PackOptions& options,
                BadImages bad_images, LoaderPool& loading, const std::function<void(std::int64_t)>& progress,
                const std::atomic<bool>& stop);

// Reads all of a packed file. Throws kData for the first image that is not as it was written, or cannot be one.
std::int64_t verify_packed(const std::filesystem::path& path, LoaderPool& loading);

}  // namespace drift
