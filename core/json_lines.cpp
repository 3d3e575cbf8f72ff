#include "core/json_lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <utility>

#include "core/check.h"
#include "core/checked_file.h"
#include "core/json_depth.h"
#include "core/regular_file.h"

namespace drift {
namespace {

constexpr std::size_t kPieceBytes = 1 << 16;
constexpr std::size_t kLineBytesMax = 1 << 20;
constexpr int kDepthMax = 8;

void check_length(const std::filesystem::path& path, std::size_t number, const std::string& line) {
  DRIFT_CHECK(kData, line.size() <= kLineBytesMax, "{}:{} is a line of more than {} bytes, the most it may have",
              path.string(), number, kLineBytesMax);
}

Json parse_line(const std::filesystem::path& path, std::size_t number, const std::string& line) {
  check_length(path, number, line);
  DRIFT_CHECK(kData, json_depth(line) <= kDepthMax, "{}:{} nests deeper than {} levels", path.string(), number,
              kDepthMax);
  Json value = Json::parse(line, /*callback=*/nullptr, /*allow_exceptions=*/false);
  DRIFT_CHECK(kData, value.is_object(), "{}:{} is not a JSON object: {}", path.string(), number, line.substr(0, 80));
  return value;
}

}  // namespace

Json read_json_object(const std::filesystem::path& path) {
  constexpr std::size_t kBytesMax = 64 << 20;
  constexpr int kObjectDepthMax = 16;
  const std::string text = read_text(path, kBytesMax, ErrorKind::kData);
  DRIFT_CHECK(kData, json_depth(text) <= kObjectDepthMax, "{} nests deeper than {} levels", path.string(),
              kObjectDepthMax);
  Json value = Json::parse(text, /*callback=*/nullptr, /*allow_exceptions=*/false);
  DRIFT_CHECK(kData, value.is_object(), "{} is not a JSON object", path.string());
  return value;
}

JsonLines::JsonLines(std::filesystem::path path) : path_(std::move(path)) {
  const OpenedFile file = open_regular_file(path_, O_WRONLY | O_CREAT | O_APPEND);
  DRIFT_CHECK(kOutput, file, "cannot open {} for writing: {}", path_.string(), file.problem);
  file_ = file.descriptor;
}

JsonLines::~JsonLines() {
  ::close(file_);
}

void JsonLines::write(const Json& object) {
  const std::string line = object.dump() + "\n";
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t wrote = ::write(file_, line.data() + done, line.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    DRIFT_CHECK(kOutput, wrote > 0, "cannot write to {}: {}", path_.string(), std::strerror(errno));
    done += static_cast<std::size_t>(wrote);
  }
}

void cut_torn_line(const std::filesystem::path& path) {
  const OpenedFile file = open_regular_file(path, O_RDWR);
  if (file.absent) return;
  DRIFT_CHECK(kOutput, file, "cannot open {} for writing: {}", path.string(), file.problem);
  const struct Close {
    int descriptor;
    ~Close() { ::close(descriptor); }
  } close{file.descriptor};
  std::string tail(std::min<std::uint64_t>(file.bytes, 2 * kLineBytesMax), '\0');
  const std::uint64_t before = file.bytes - tail.size();
  const ssize_t got = ::pread(file.descriptor, tail.data(), tail.size(), static_cast<off_t>(before));
  DRIFT_CHECK(kOutput, std::cmp_equal(got, tail.size()), "cannot read {}: {}", path.string(), std::strerror(errno));
  const std::size_t end = tail.rfind('\n') + 1;  // 0 where there is none
  if (end == tail.size()) return;
  DRIFT_CHECK(kOutput, ::ftruncate(file.descriptor, static_cast<off_t>(before + end)) == 0, "cannot shorten {}: {}",
              path.string(), std::strerror(errno));
}

void for_each_json_line(const std::filesystem::path& path, const std::function<void(Json&&, std::size_t)>& take) {
  InputFile file(path, ErrorKind::kData);
  std::size_t number = 1;
  std::string piece, line;  // line: what is known of the one under way
  while (file.remaining() > 0) {
    piece.resize(std::min<std::uint64_t>(kPieceBytes, file.remaining()));
    file.read(std::as_writable_bytes(std::span(piece)), "its lines");
    std::string_view rest = piece;
    for (std::size_t end; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      line += rest.substr(0, end);
      take(parse_line(path, number, line), number);
      ++number;
      line.clear();
    }
    line += rest;
    check_length(path, number, line);
  }
}

std::vector<Json> read_json_lines(const std::filesystem::path& path) {
  std::vector<Json> lines;
  for_each_json_line(path, [&](Json&& line, std::size_t) { lines.push_back(std::move(line)); });
  return lines;
}

}  // namespace drift
