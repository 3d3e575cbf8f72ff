#include "data/pack_writer.h"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/checked_file.h"
#include "core/regular_file.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWaitingMax = std::size_t{64} << 20;  // bytes that an interruption loses at most
constexpr std::uint64_t kJournalMagic = 0x31'4c'4e'4a'50'52'44'd7;

// An image that is on the disk.
struct Note {
  std::uint64_t origin = 0, begin = 0, checksum = 0;
  std::uint32_t bytes = 0;
  std::int32_t label = 0;
};
static_assert(sizeof(Note) == 32);

fs::path journal_of(const fs::path& path) {
  return aside(path).replace_extension(".journal");
}

int opened(const fs::path& path) {
  const OpenedFile file = open_regular_file(path, O_RDWR | O_CREAT);
  DRIFT_CHECK(kOutput, file, "{}: cannot be written: {}", path.string(), file.problem);
  return file.descriptor;
}

void write_at(int file, std::span<const std::byte> bytes, std::uint64_t at, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (count < 0 && errno == EINTR) continue;
    DRIFT_CHECK(kOutput, count > 0, "{}: cannot be written: {}", path.string(), system_reason());
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    at += static_cast<std::uint64_t>(count);
  }
}

// As many as there are, up to all of `bytes`.
std::size_t read_at(int file, std::span<std::byte> bytes, std::uint64_t at) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(at + done));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void truncate(int file, std::uint64_t bytes, const fs::path& path) {
  DRIFT_CHECK(kOutput, ::ftruncate(file, static_cast<off_t>(bytes)) == 0, "{}: cannot be written: {}", path.string(),
              system_reason());
}

void wait_for_disk(int file, const fs::path& path) {
  DRIFT_CHECK(kOutput, ::fdatasync(file) == 0, "{}: cannot be written: {}", path.string(), system_reason());
}

}  // namespace

PackWriter::PackWriter(fs::path path, std::uint64_t identity)
    : path_(std::move(path)), identity_(identity), file_(opened(aside(path_))), journal_(opened(journal_of(path_))) {
  take_up();
}

PackWriter::~PackWriter() {
  ::close(file_);
  ::close(journal_);
}

std::uint64_t PackWriter::end() const {
  return images_.empty() ? kPackHeaderBytes : images_.back().begin + images_.back().bytes;
}

void PackWriter::take_up() {
  std::array<std::uint64_t, 2> start{};
  const bool same = read_at(journal_, std::as_writable_bytes(std::span(start)), 0) == sizeof start &&
                    start == std::array{kJournalMagic, identity_};
  if (!same) {
    start = {kJournalMagic, identity_};
    truncate(journal_, 0, journal_of(path_));
    write_at(journal_, std::as_bytes(std::span(start)), 0, journal_of(path_));
  }
  Note note;
  std::vector<std::byte> bytes;
  while (same && read_at(journal_, std::as_writable_bytes(std::span(&note, 1)), sizeof start + noted_ * sizeof note) ==
                     sizeof note) {
    if (note.begin != end() || (noted_ > 0 && note.origin <= origins_.back())) break;
    bytes.resize(note.bytes);
    if (read_at(file_, bytes, note.begin) != bytes.size() || digest_of(bytes).checksum != note.checksum) break;
    images_.push_back({.begin = note.begin, .bytes = note.bytes, .label = note.label, .checksum = note.checksum});
    origins_.push_back(note.origin);
    ++noted_;
  }
  truncate(journal_, sizeof start + noted_ * sizeof note, journal_of(path_));
  truncate(file_, end(), aside(path_));
}

void PackWriter::add(std::int64_t origin, std::int32_t label, std::span<const std::uint8_t> bytes) {
  DRIFT_ASSERT(origin > last(), "image {} after {}", origin, last());
  const PackedImage image{.begin = end(),
                          .bytes = static_cast<std::uint32_t>(bytes.size()),
                          .label = label,
                          .checksum = digest_of(std::as_bytes(bytes)).checksum};
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  images_.push_back(image);
  origins_.push_back(static_cast<std::uint64_t>(origin));
  if (waiting_.size() >= kWaitingMax) note();
}

void PackWriter::note() {
  write_at(file_, std::as_bytes(std::span(waiting_)), end() - waiting_.size(), aside(path_));
  waiting_.clear();
  wait_for_disk(file_, aside(path_));
  std::vector<Note> notes;
  for (std::size_t i = noted_; i < images_.size(); ++i) {
    const PackedImage& image = images_[i];
    notes.push_back({origins_[i], image.begin, image.checksum, image.bytes, image.label});
  }
  write_at(journal_, std::as_bytes(std::span(notes)), 2 * sizeof(std::uint64_t) + noted_ * sizeof(Note),
           journal_of(path_));
  wait_for_disk(journal_, journal_of(path_));
  noted_ = images_.size();
}

void PackWriter::finish(std::vector<std::string> class_names, std::vector<std::string> names) {
  DRIFT_ASSERT(names.size() == images_.size(), "{} names of {} images", names.size(), images_.size());
  note();
  const std::vector<std::byte> index =
      bytes_of(PackIndex{.class_names = std::move(class_names), .images = images_, .names = std::move(names)});
  write_at(file_, index, end(), aside(path_));
  const auto header = bytes_of(PackHeader{.identity = identity_,
                                          .images = images_.size(),
                                          .index_begin = end(),
                                          .index_bytes = index.size(),
                                          .index_checksum = digest_of(index).checksum});
  write_at(file_, header, 0, aside(path_));
  wait_for_disk(file_, aside(path_));
  publish(path_);
  try_remove(journal_of(path_));
}

}  // namespace drift
