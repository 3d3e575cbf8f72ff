// Archives from anywhere, read as those of a data set are. The first byte says what the others are: a whole file, what
// gzip holds, or a tar archive whose headers get the checksums that they lack.
#include "data/archive.h"

#include <array>
#include <string>

#include "data/data_files.h"
#include "tests/fuzz/target.h"
#include "tests/support/tar_archive.h"

using namespace drift;

namespace {

std::string file_of(std::string_view input) {
  const int how = input.empty() ? 0 : input.front() % 3;
  std::string bytes(input.substr(std::min<std::size_t>(input.size(), 1)));
  if (how == 2) testing::set_tar_checksums(bytes);
  return how == 0 ? bytes : testing::gzipped(bytes);
}

void read_members(const std::filesystem::path& path) {
  std::string piece(100, '\0');
  ArchiveReader reader(path);
  while (const auto member = reader.next()) {
    const std::string& name = member->name;
    const bool leads_out = name.starts_with('/') || name.starts_with("../") || name.ends_with("/..") ||
                           name.find("/../") != std::string::npos || name == ".." || name.empty();
    DRIFT_ASSERT(!leads_out, "a member called '{}'", name);
    if (member->bytes >= piece.size()) reader.read(std::as_writable_bytes(std::span(piece)), "the first bytes");
  }
}

void read_files(const std::filesystem::path& path) {
  static const std::array<WantedFile, 2> kWanted = {{{"test_batch.bin", 4000}, {"batches.meta.txt", 100}}};
  static const std::array<std::string, 1> kFolders = {"cifar-10-batches-bin"};
  const std::unique_ptr<DataFiles> files = files_in_archive(path, kWanted, kFolders);
  for (const WantedFile& wanted : kWanted) {
    const std::optional<std::uint64_t> size = files->size_of(wanted.name);
    if (!size) continue;
    DRIFT_ASSERT(*size <= wanted.bytes_max, "{} bytes of {}", *size, wanted.name);
    std::string text(static_cast<std::size_t>(*size), '\0');
    files->open(wanted.name)->read(std::as_writable_bytes(std::span(text)), "all of it");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static testing::MemoryFile file;
  file.hold(file_of(testing::text_of(data, size)));
  testing::is_read(ErrorKind::kData, [] { read_members(file.path()); });
  testing::is_read(ErrorKind::kData, [] { read_files(file.path()); });
  return 0;
}
