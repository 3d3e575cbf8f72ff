// The images of one half of an image folder, read from their files.
#pragma once

#include <utility>
#include <vector>

#include "data/image_folder.h"
#include "data/source.h"

namespace drift {

class FolderSource final : public Source {
 public:
  FolderSource(ImageFolderSplit split, std::vector<std::string> class_names)
      : split_(std::move(split)), class_names_(std::move(class_names)) {}

  std::int64_t size() const override { return std::ssize(split_.files); }
  std::span<const std::string> class_names() const override { return class_names_; }
  std::int32_t label(std::int64_t index) const override { return split_.labels.at(static_cast<std::size_t>(index)); }
  std::string name(std::int64_t index) const override { return split_.files.at(static_cast<std::size_t>(index)); }
  std::string place(std::int64_t index) const override { return path_of(index).string(); }
  std::span<const std::uint8_t> read(std::int64_t index, std::string& memory) const override;
  void identify(RunningDigest& digest) const override;

 private:
  std::filesystem::path path_of(std::int64_t index) const {
    return split_.directory / split_.files.at(static_cast<std::size_t>(index));
  }

  const ImageFolderSplit split_;
  const std::vector<std::string> class_names_;
};

}  // namespace drift
