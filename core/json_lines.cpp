#include "core/json_lines.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <string>
#include <unistd.h>

#include "core/check.h"

namespace drift {

JsonLines::JsonLines(std::filesystem::path path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  DRIFT_CHECK(kOutput, file_ >= 0, "cannot open {} for writing: {}", path_.string(), std::strerror(errno));
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

std::vector<Json> read_json_lines(const std::filesystem::path& path) {
  std::ifstream file(path);
  DRIFT_CHECK(kData, file.good(), "cannot read {}", path.string());
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) {
    if (file.eof()) break;  // no newline behind it: torn
    Json value = Json::parse(line, /*callback=*/nullptr, /*allow_exceptions=*/false);
    DRIFT_CHECK(kData, value.is_object(), "{}:{} is not a JSON object: {}", path.string(), lines.size() + 1,
                line.substr(0, 80));
    lines.push_back(std::move(value));
  }
  return lines;
}

}  // namespace drift
