#include "data/data_files.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/check.h"
#include "core/checked_file.h"
#include "data/archive.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

class FileInFolder final : public DataFile {
 public:
  explicit FileInFolder(const fs::path& path) : file_(path, ErrorKind::kData) {}
  std::uint64_t size() const override { return file_.size(); }
  void read(std::span<std::byte> bytes, std::string_view what) override { file_.read(bytes, what); }

 private:
  InputFile file_;
};

class FilesInFolder final : public DataFiles {
 public:
  explicit FilesInFolder(fs::path folder) : folder_(std::move(folder)) {}
  std::optional<std::uint64_t> size_of(const std::string& name) const override {
    const fs::path path = folder_ / name;
    if (!fs::exists(path)) return std::nullopt;
    return FileInFolder(path).size();
  }
  std::string place(const std::string& name) const override { return (folder_ / name).string(); }
  std::unique_ptr<DataFile> open(const std::string& name) override {
    return std::make_unique<FileInFolder>(folder_ / name);
  }

 private:
  const fs::path folder_;
};

struct Member {
  std::string place;
  std::vector<std::byte> bytes;
};

class FileInMemory final : public DataFile {
 public:
  explicit FileInMemory(Member member) : member_(std::move(member)) {}
  std::uint64_t size() const override { return member_.bytes.size(); }
  void read(std::span<std::byte> bytes, std::string_view what) override {
    DRIFT_CHECK(kData, bytes.size() <= member_.bytes.size() - read_,
                "{}: truncated: {} needs {} bytes at offset {}, it has {}", member_.place, what, bytes.size(), read_,
                member_.bytes.size());
    std::ranges::copy(std::span(member_.bytes).subspan(read_, bytes.size()), bytes.begin());
    read_ += bytes.size();
  }

 private:
  const Member member_;
  std::size_t read_ = 0;
};

class FilesInArchive final : public DataFiles {
 public:
  FilesInArchive(fs::path archive, std::map<std::string, Member> members)
      : archive_(std::move(archive)), members_(std::move(members)) {}
  std::optional<std::uint64_t> size_of(const std::string& name) const override {
    const auto found = members_.find(name);
    return found == members_.end() ? std::nullopt : std::optional<std::uint64_t>(found->second.bytes.size());
  }
  std::string place(const std::string& name) const override {
    const auto found = members_.find(name);
    return found == members_.end() ? fmt::format("{}: {}", archive_.string(), name) : found->second.place;
  }
  std::unique_ptr<DataFile> open(const std::string& name) override {
    const auto found = members_.find(name);
    DRIFT_CHECK(kData, found != members_.end(), "{}: no such member", place(name));
    Member& member = found->second;
    return std::make_unique<FileInMemory>(Member{member.place, std::exchange(member.bytes, {})});
  }

 private:
  const fs::path archive_;
  std::map<std::string, Member> members_;
};

}  // namespace

std::unique_ptr<DataFiles> files_in_folder(const fs::path& folder) {
  return std::make_unique<FilesInFolder>(folder);
}

std::string_view name_in_folder(std::string_view name, std::span<const std::string> folders) {
  for (const std::string& folder : folders) {
    if (name.starts_with(folder) && name.substr(folder.size()).starts_with('/')) return name.substr(folder.size() + 1);
  }
  return name;
}

std::unique_ptr<DataFiles> files_in_archive(const fs::path& archive, std::span<const WantedFile> wanted,
                                            std::span<const std::string> folders) {
  ArchiveReader reader(archive);
  std::map<std::string, Member> members;
  while (const auto member = reader.next()) {
    const std::string name(name_in_folder(member->name, folders));
    const auto want = std::ranges::find(wanted, name, &WantedFile::name);
    if (want == wanted.end()) continue;
    DRIFT_CHECK(kData, member->bytes <= want->bytes_max, "{}: {} bytes; a file of this name has at most {}",
                reader.place(), member->bytes, want->bytes_max);
    const auto [at, is_new] = members.try_emplace(name, Member{reader.place(), {}});
    DRIFT_CHECK(kData, is_new, "{}: the archive has another file of this name: {}", reader.place(), at->second.place);
    at->second.bytes.resize(static_cast<std::size_t>(member->bytes));
    reader.read(at->second.bytes, "its contents");
  }
  return std::make_unique<FilesInArchive>(archive, std::move(members));
}

}  // namespace drift
