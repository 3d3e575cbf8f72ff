#include "data/fetch/unpack.h"

#include <algorithm>
#include <optional>
#include <system_error>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/checked_file.h"
#include "core/file_errors.h"
#include "core/regular_file.h"
#include "data/archive.h"
#include "data/fetch/md5.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1 << 18;
constexpr std::size_t kChecksumsBytesMax = 1 << 16;

// A line of the file of checksums.
std::string checksum_line(std::string_view name, std::string_view md5) {
  return fmt::format("{}  {}\n", md5, name);
}

// The member that the reader has come to; its line.
std::string unpack_member(ArchiveReader& reader, const ArchivedFile& file, std::uint64_t bytes, const fs::path& path,
                          const std::atomic<bool>& stop) {
  DRIFT_CHECK(kData, file.up_to ? bytes <= file.bytes : bytes == file.bytes, "{}: {} bytes; expected {}{}",
              reader.place(), bytes, file.up_to ? "at most " : "", file.bytes);
  OutputFile out(path);
  RunningMd5 sum;
  std::vector<std::byte> piece(kPieceBytes);
  while (bytes > 0) {
    DRIFT_CHECK(kStopped, !stop, "{}: stopped while it was unpacked: the same command goes on", path.string());
    const std::span<std::byte> next = std::span(piece).first(std::min<std::size_t>(bytes, piece.size()));
    reader.read(next, "its contents");
    out.write(next);
    sum.add(next);
    bytes -= next.size();
  }
  out.finish();
  return checksum_line(file.name, sum.digits());
}

bool is_empty_directory(const fs::path& directory) {
  return with_file_errors(ErrorKind::kOutput, [&] { return fs::is_directory(directory) && fs::is_empty(directory); });
}

}  // namespace

void unpack(const fs::path& archive, const RemoteArchive& what, const fs::path& directory,
            const std::atomic<bool>& stop) {
  const fs::path place = aside(directory);
  try_remove(place);
  make_directories(place);
  std::string checksums;
  std::vector<std::string> missing;
  for (const ArchivedFile& file : what.files) missing.push_back(file.name);
  ArchiveReader reader(archive);
  while (const auto member = reader.next()) {
    const auto file = std::ranges::find_if(
        what.files, [&](const ArchivedFile& wanted) { return member->name == what.folder + "/" + wanted.name; });
    if (file == what.files.end()) continue;
    checksums += unpack_member(reader, *file, member->bytes, place / file->name, stop);
    std::erase(missing, file->name);
  }
  DRIFT_CHECK(kData, missing.empty(), "{}: has no member {}/{}", archive.string(), what.folder, missing.front());
  OutputFile list(place / kChecksumsFile);
  list.write(checksums);
  list.finish();
  for (const ArchivedFile& file : what.files) make_durable(place / file.name);
  make_durable(place / kChecksumsFile);
  publish(directory);
}

bool is_unpacked(const RemoteArchive& what, const fs::path& directory) {
  const bool is_there = with_file_errors(ErrorKind::kOutput, [&] { return fs::exists(fs::symlink_status(directory)); });
  if (!is_there || is_empty_directory(directory)) return false;
  const std::optional<std::string> checksums =
      text_if_there(directory / kChecksumsFile, kChecksumsBytesMax, ErrorKind::kData);
  const auto is_listed = [&](const ArchivedFile& file) {
    return checksums->find(fmt::format("  {}\n", file.name)) != std::string::npos;
  };
  DRIFT_CHECK(kUsage, checksums && std::ranges::all_of(what.files, is_listed),
              "{}: is there already, and not what `drift data fetch {}` made: give another directory, or train with "
              "--data {}:{} if it has the files",
              directory.string(), what.name, what.name, directory.string());
  for (const ArchivedFile& file : what.files) {
    const fs::path path = directory / file.name;
    DRIFT_CHECK(kData, checksums->find(checksum_line(file.name, md5_of_file(path))) != std::string::npos,
                "{}: is not as it was unpacked, by its checksum in {}: remove {} and fetch it again", path.string(),
                kChecksumsFile, directory.string());
  }
  return true;
}

}  // namespace drift
