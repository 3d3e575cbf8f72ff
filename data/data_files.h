// The files of a data set by their names, wherever they lie: in a folder, or in a .tar.gz archive. An archive is read
// once, from its beginning to its end, and its files stay in memory until each is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drift {

// One of them, from its beginning to its end.
class DataFile {
 public:
  virtual ~DataFile() = default;
  virtual std::uint64_t size() const = 0;
  // Fills all of `bytes`. Throws kData, naming the file and `what` they are, when it ends before.
  virtual void read(std::span<std::byte> bytes, std::string_view what) = 0;
};

class DataFiles {
 public:
  virtual ~DataFiles() = default;
  // Nothing where there is no such file.
  virtual std::optional<std::uint64_t> size_of(const std::string& name) const = 0;
  virtual std::string place(const std::string& name) const = 0;  // where somebody finds it, for errors
  // Once each. Throws kData for a file that is not there or cannot be read.
  virtual std::unique_ptr<DataFile> open(const std::string& name) = 0;
};

std::unique_ptr<DataFiles> files_in_folder(const std::filesystem::path& folder);

// What a member of an archive is called below one of these folders, or at the top.
std::string_view name_in_folder(std::string_view name, std::span<const std::string> folders);

struct WantedFile {
  std::string name;
  std::uint64_t bytes_max = 0;
};
// Those of `wanted` that the archive has, at its top or in one of `folders`; others are passed over. Throws kData as
// ArchiveReader does, for one that is larger than it can be, and for one that is there in two folders.
std::unique_ptr<DataFiles> files_in_archive(const std::filesystem::path& archive, std::span<const WantedFile> wanted,
                                            std::span<const std::string> folders);

}  // namespace drift
