// A packed file that is being written, beside its place (core/atomic_file.h). What is on the disk is noted in a journal
// there, so that a later call goes on where this one ended, however that was.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "data/pack_format.h"

namespace drift {

class PackWriter {
 public:
  // identity: of all that decides the bytes; what an earlier call left of another one is removed. Throws kOutput.
  PackWriter(std::filesystem::path path, std::uint64_t identity);
  ~PackWriter();
  PackWriter(const PackWriter&) = delete;
  PackWriter& operator=(const PackWriter&) = delete;

  // Of the images that are there: how many, and where the last came from; -1: none is.
  std::int64_t images() const { return static_cast<std::int64_t>(images_.size()); }
  std::int64_t last() const { return images_.empty() ? -1 : static_cast<std::int64_t>(origins_.back()); }
  const std::vector<std::uint64_t>& origins() const { return origins_; }

  // Image `origin` of the source; more than last().
  void add(std::int64_t origin, std::int32_t label, std::span<const std::uint8_t> bytes);
  // Returns when all that was added is on the disk, and noted.
  void note();
  // The file is whole and in its place. names: of the images that are there.
  void finish(std::vector<std::string> class_names, std::vector<std::string> names);

 private:
  void take_up();
  std::uint64_t end() const;

  const std::filesystem::path path_;
  const std::uint64_t identity_;
  int file_ = -1, journal_ = -1;
  std::vector<PackedImage> images_;
  std::vector<std::uint64_t> origins_;
  std::size_t noted_ = 0;              // images
  std::vector<std::uint8_t> waiting_;  // bytes to be written, up to end()
};

}  // namespace drift
