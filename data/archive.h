// The files of a .tar.gz archive that somebody else made, one after the other. Nothing of it is believed: a member
// whose name leads out of the archive, one that is no file (links, devices), and one that comes twice are errors that
// name it. Its bytes go where the caller puts them; no name of a member becomes a path here. The only home of
// libarchive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/gzip_file.h"

struct archive;
struct archive_entry;

namespace drift {

class ArchiveReader {
 public:
  struct Member {
    std::string name;  // without "." and empty components: "cifar-10-batches-bin/test_batch.bin"
    std::uint64_t bytes = 0;
  };

  // All of these throw kData, naming the archive and, where there is one, the member.
  explicit ArchiveReader(const std::filesystem::path& path);
  ~ArchiveReader();
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;

  // The next file; nothing at the end, where the archive's checksum has been looked at, too. Bytes of the last one that
  // were not read are passed over, up to kPassedOverMax in the whole archive.
  std::optional<Member> next();
  // Fills all of `bytes` with the next ones of the member; `what` they are goes into the message when it ends before.
  void read(std::span<std::byte> bytes, std::string_view what);
  // "ARCHIVE: MEMBER", for errors.
  std::string place() const;

  static constexpr std::uint64_t kPassedOverMax = std::uint64_t{64} << 20;
  static constexpr std::size_t kMembersMax = 10'000;

 private:
  struct Free {
    void operator()(archive* reader) const;
  };

  static std::ptrdiff_t next_bytes(archive* reader, void* self, const void** bytes);
  // What libarchive returned, or threw through it.
  void require_good(int result, std::string_view what);
  void pass_over_rest();
  std::string checked_name(archive_entry* entry);
  void read_to_end();

  GzipFile file_;
  std::vector<std::byte> piece_;
  std::exception_ptr thrown_;  // by file_, inside of libarchive
  std::unique_ptr<archive, Free> reader_;
  std::set<std::string> seen_;
  std::size_t members_ = 0;
  Member member_;
  std::uint64_t read_ = 0, passed_over_ = 0;  // of the member; in all
};

}  // namespace drift
