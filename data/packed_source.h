// The images of a packed file, read where they lie in memory; each time their checksum is looked at.
#pragma once

#include "data/mapped_file.h"
#include "data/pack_format.h"
#include "data/source.h"

namespace drift {

class PackedSource final : public Source {
 public:
  // Throws kData, naming the file and what is wrong at which byte.
  explicit PackedSource(std::filesystem::path path);

  std::int64_t size() const override { return std::ssize(index_.images); }
  std::span<const std::string> class_names() const override { return index_.class_names; }
  std::int32_t label(std::int64_t index) const override {
    return index_.images.at(static_cast<std::size_t>(index)).label;
  }
  std::string name(std::int64_t index) const override { return index_.names.at(static_cast<std::size_t>(index)); }
  std::string place(std::int64_t index) const override;
  std::span<const std::uint8_t> read(std::int64_t index, std::string& memory) const override;
  void identify(RunningDigest& digest) const override;
  std::uint64_t identity() const { return header_.identity; }  // of what was packed, and how

 private:
  const std::filesystem::path path_;
  const MappedFile file_;
  const PackHeader header_;
  const PackIndex index_;
};

}  // namespace drift
