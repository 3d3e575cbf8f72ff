#include "data/archive.h"

#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <new>

#include "core/check.h"

namespace drift {
namespace {

constexpr std::size_t kPieceBytes = 1 << 16;
constexpr std::size_t kBehindEndMax = 1 << 20;  // zeros: tar fills up its last block

std::string_view kind_of(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return "a hard link";
  switch (archive_entry_filetype(entry)) {
    case AE_IFLNK:
      return "a symbolic link";
    case AE_IFIFO:
      return "a pipe";
    case AE_IFSOCK:
      return "a socket";
    case AE_IFCHR:
    case AE_IFBLK:
      return "a device";
    default:
      return "no file";
  }
}

// As it can be shown in one line.
std::string shown(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c >= ' ' && c != '\x7f') {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

}  // namespace

void ArchiveReader::Free::operator()(archive* reader) const {
  archive_read_free(reader);
}

ArchiveReader::ArchiveReader(const std::filesystem::path& path)
    : file_(path), piece_(kPieceBytes), reader_(archive_read_new()) {
  if (!reader_) throw std::bad_alloc();
  archive_read_support_format_tar(reader_.get());
  archive_read_set_read_callback(reader_.get(), next_bytes);
  archive_read_set_callback_data(reader_.get(), this);
  require_good(archive_read_open1(reader_.get()), "it is no tar archive");
}

ArchiveReader::~ArchiveReader() = default;

std::ptrdiff_t ArchiveReader::next_bytes(archive* reader, void* self, const void** bytes) {
  auto& own = *static_cast<ArchiveReader*>(self);
  try {
    *bytes = own.piece_.data();
    return static_cast<std::ptrdiff_t>(own.file_.read(own.piece_));
  } catch (...) {
    own.thrown_ = std::current_exception();
    archive_set_error(reader, EIO, "cannot be read");
    return ARCHIVE_FATAL;
  }
}

void ArchiveReader::require_good(int result, std::string_view what) {
  if (thrown_) std::rethrow_exception(thrown_);
  if (result == ARCHIVE_OK || result == ARCHIVE_WARN || result == ARCHIVE_EOF) return;
  const char* reason = archive_error_string(reader_.get());
  DRIFT_FAIL(kData, "{}: {}: {}", place(), what, reason == nullptr ? "damaged" : reason);
}

std::string ArchiveReader::place() const {
  const std::string archive = file_.path().string();
  return member_.name.empty() ? archive : fmt::format("{}: {}", archive, member_.name);
}

std::string ArchiveReader::checked_name(archive_entry* entry) {
  const char* text = archive_entry_pathname(entry);
  const std::string name = text == nullptr ? "" : text;
  const auto refuse = [&](bool bad, std::string_view why) {
    DRIFT_CHECK(kData, !bad, "{}: member '{}' {}", file_.path().string(), shown(name), why);
  };
  refuse(name.empty(), "has no name that can be read");
  refuse(name.starts_with('/'), "has an absolute path; this archive is not one to unpack");
  std::string checked;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string_view part = std::string_view(name).substr(begin, end - begin);
    refuse(part == "..", "leads out of the archive by '..'; it is not one to unpack");
    if (!part.empty() && part != ".") checked.append(checked.empty() ? "" : "/").append(part);
    begin = end + 1;
  }
  const bool folder = archive_entry_filetype(entry) == AE_IFDIR;
  const bool linked = archive_entry_hardlink(entry) != nullptr;
  refuse(linked || (!folder && archive_entry_filetype(entry) != AE_IFREG),
         fmt::format("is {}; only files are read", kind_of(entry)));
  if (folder) return "";
  refuse(checked.empty(), "has no name");
  refuse(!seen_.insert(checked).second, "is there twice");
  return shown(checked);
}

void ArchiveReader::pass_over_rest() {
  const std::uint64_t rest = member_.bytes - read_;
  DRIFT_CHECK(kData, rest <= kPassedOverMax - passed_over_,
              "{}: {} bytes that are none of the data set's; at most {} are passed over in an archive", place(), rest,
              kPassedOverMax);
  passed_over_ += rest;
}

void ArchiveReader::read_to_end() {
  std::size_t behind = 0;
  for (std::size_t count = 1; count > 0; behind += count) {
    DRIFT_CHECK(kData, behind <= kBehindEndMax, "{}: goes on for more than {} bytes behind the archive's end",
                file_.path().string(), kBehindEndMax);
    count = file_.read(piece_);
  }
}

std::optional<ArchiveReader::Member> ArchiveReader::next() {
  while (true) {
    pass_over_rest();
    archive_entry* entry = nullptr;
    const int result = archive_read_next_header(reader_.get(), &entry);
    require_good(result, "what comes behind it is no member of a tar archive");
    member_ = {};
    read_ = 0;
    if (result == ARCHIVE_EOF) {
      read_to_end();
      return std::nullopt;
    }
    DRIFT_CHECK(kData, ++members_ <= kMembersMax, "{}: more than {} members", file_.path().string(), kMembersMax);
    const std::string name = checked_name(entry);
    const std::int64_t bytes = archive_entry_size(entry);
    DRIFT_CHECK(kData, bytes >= 0, "{}: member '{}' has {} bytes", file_.path().string(), name, bytes);
    member_ = {name, static_cast<std::uint64_t>(bytes)};
    if (!name.empty()) return member_;
  }
}

void ArchiveReader::read(std::span<std::byte> bytes, std::string_view what) {
  DRIFT_CHECK(kData, bytes.size() <= member_.bytes - read_, "{}: truncated: {} needs {} bytes at offset {}, it has {}",
              place(), what, bytes.size(), read_, member_.bytes);
  while (!bytes.empty()) {
    const la_ssize_t count = archive_read_data(reader_.get(), bytes.data(), bytes.size());
    require_good(count < 0 ? static_cast<int>(count) : ARCHIVE_OK, fmt::format("damaged at offset {}", read_));
    DRIFT_CHECK(kData, count > 0, "{}: truncated: ends at offset {}; its header promises {} bytes", place(), read_,
                member_.bytes);
    read_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace drift
