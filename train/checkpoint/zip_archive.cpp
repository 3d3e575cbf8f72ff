#include "train/checkpoint/zip_archive.h"

#include <fcntl.h>
#include <new>
#include <unistd.h>
#include <utility>
#include <zip.h>

#include "core/check.h"
#include "core/regular_file.h"
#include "core/text.h"

namespace drift {
namespace {

// What the library says. Memory that is short is no matter of the archive.
std::string text_of(zip_error_t* error) {
  if (zip_error_code_zip(error) == ZIP_ER_MEMORY) throw std::bad_alloc();
  return zip_error_strerror(error);
}

std::string text_of(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = text_of(&error);
  zip_error_fini(&error);
  return text;
}

// For messages.
std::string shown(std::string_view name) {
  return is_utf8(name) ? std::string(name) : "?";
}

struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, FreeSource>;

struct CloseEntry {
  void operator()(zip_file_t* entry) const { zip_fclose(entry); }
};

// As it is, and without a time, so that the same parts make the same bytes.
bool add(zip* archive, const ZipPart& part) {
  constexpr zip_uint16_t kFirstDay = 1 << 5 | 1;  // 1 January 1980
  Source bytes(zip_source_buffer(archive, part.bytes.data(), part.bytes.size(), /*freep=*/0));
  const zip_int64_t index = bytes ? zip_file_add(archive, part.name.c_str(), bytes.get(), ZIP_FL_ENC_UTF_8) : -1;
  if (index < 0) return false;
  static_cast<void>(bytes.release());  // the archive's now
  const auto at = static_cast<zip_uint64_t>(index);
  return zip_set_file_compression(archive, at, ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_dostime(archive, at, 0, kFirstDay, 0) == 0;
}

}  // namespace

void CloseZip::operator()(zip* archive) const {
  zip_discard(archive);
}

ZipArchive::ZipArchive(const std::filesystem::path& path) : file_(path.string()) {
  const OpenedFile file = open_regular_file(path, O_RDONLY);
  DRIFT_CHECK(kCheckpoint, file, "{}: cannot be read: {}", file_, file.problem);
  file_bytes_ = file.bytes;
  int code = 0;
  archive_.reset(zip_fdopen(file.descriptor, ZIP_CHECKCONS, &code));
  if (!archive_) ::close(file.descriptor);
  DRIFT_CHECK(kCheckpoint, archive_, "{}: damaged, or no zip archive: {}", file_,
              code == ZIP_ER_EXISTS ? "a name appears twice" : text_of(code));
  const auto count = static_cast<std::uint64_t>(zip_get_num_entries(archive_.get(), 0));
  for (std::uint64_t index = 0; index < count; ++index) add_entry(index);
}

void ZipArchive::add_entry(std::uint64_t index) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr std::uint64_t kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
  const bool known = zip_stat_index(archive_.get(), index, ZIP_FL_ENC_RAW, &stat) == 0;
  DRIFT_CHECK(kCheckpoint, known && (stat.valid & kNeeded) == kNeeded, "{}: entry {} of the zip archive is damaged: {}",
              file_, index, text_of(zip_get_error(archive_.get())));
  const std::string name = stat.name;
  DRIFT_CHECK(kCheckpoint, stat.encryption_method == ZIP_EM_NONE, "{}: entry '{}' is encrypted", file_, shown(name));
  DRIFT_CHECK(kCheckpoint, stat.comp_method == ZIP_CM_STORE,
              "{}: entry '{}' is compressed (method {}), which PyTorch's files are not: unpack the archive and zip it "
              "again without compression, or load it with PyTorch and torch.save() it",
              file_, shown(name), stat.comp_method);
  DRIFT_CHECK(kCheckpoint, stat.size <= file_bytes_ - entry_bytes_,
              "{}: entry '{}' has {} bytes, and those before it {}: more than the {} of the file", file_, shown(name),
              stat.size, entry_bytes_, file_bytes_);
  entry_bytes_ += stat.size;
  const bool is_new = entries_.emplace(name, Entry{.index = index, .bytes = stat.size}).second;
  DRIFT_CHECK(kCheckpoint, is_new, "{}: entry '{}' appears twice", file_, shown(name));
}

std::vector<std::byte> ZipArchive::read(std::string_view name) const {
  const Entry& entry = entries_.find(name)->second;
  std::unique_ptr<zip_file_t, CloseEntry> stream(zip_fopen_index(archive_.get(), entry.index, 0));
  DRIFT_CHECK(kCheckpoint, stream, "{}: entry '{}' cannot be read: {}", file_, shown(name),
              text_of(zip_get_error(archive_.get())));
  std::vector<std::byte> bytes(entry.bytes);
  std::size_t have = 0;
  std::byte beyond;  // the last call finds the end, and compares the checksum
  while (true) {
    const bool full = have == bytes.size();
    const zip_int64_t count = zip_fread(stream.get(), full ? &beyond : &bytes[have], full ? 1 : bytes.size() - have);
    DRIFT_CHECK(kCheckpoint, count >= 0, "{}: entry '{}' is damaged: {}", file_, shown(name),
                text_of(zip_file_get_error(stream.get())));
    DRIFT_CHECK(kCheckpoint, (count == 0) == full, "{}: entry '{}' has not the {} bytes that are announced", file_,
                shown(name), bytes.size());
    if (count == 0) return bytes;
    have += static_cast<std::size_t>(count);
  }
}

void write_zip(OutputFile& file, std::span<const ZipPart> parts) {
  zip_error_t error;
  zip_error_init(&error);
  const auto check = [&](bool done, zip_error_t* reason) {
    DRIFT_CHECK(kOutput, done, "{}: no zip archive could be made: {}", file.path().string(), text_of(reason));
  };
  const Source source(zip_source_buffer_create(nullptr, 0, 0, &error));
  check(source != nullptr, &error);
  std::unique_ptr<zip, CloseZip> archive(zip_open_from_source(source.get(), ZIP_TRUNCATE, &error));
  check(archive != nullptr, &error);
  zip_source_keep(source.get());  // the archive, which is written into it, has a share of its own
  for (const ZipPart& part : parts) check(add(archive.get(), part), zip_get_error(archive.get()));
  zip* const closing = archive.release();
  if (zip_close(closing) != 0) {  // else it is gone
    archive.reset(closing);
    check(false, zip_get_error(closing));
  }

  check(zip_source_open(source.get()) == 0, zip_source_error(source.get()));
  std::vector<std::byte> piece(1 << 16);
  zip_int64_t count = 0;
  while ((count = zip_source_read(source.get(), piece.data(), piece.size())) > 0) {
    file.write(std::span(piece).first(static_cast<std::size_t>(count)));
  }
  check(count == 0, zip_source_error(source.get()));
  zip_source_close(source.get());
}

}  // namespace drift
