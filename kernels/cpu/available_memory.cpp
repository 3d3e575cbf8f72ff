#include "kernels/cpu/available_memory.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>

#include "core/regular_file.h"
#include "core/text.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

std::string text_of(const fs::path& path) {
  constexpr std::size_t kBytesMax = 1 << 20;
  try {
    return text_if_there(path, kBytesMax, ErrorKind::kDevice).value_or("");
  } catch (const Error&) {  // one that this process may not read says nothing
    return "";
  }
}

// The number behind `name` at the beginning of a line: "MemAvailable:   1024 kB".
std::optional<std::int64_t> number_behind(const std::string& text, std::string_view name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string word;
    std::int64_t value = 0;
    if (words >> word >> value && word == name) return value;
  }
  return std::nullopt;
}

std::optional<std::int64_t> number_in(const fs::path& path) {
  const std::string text = text_of(path);
  return parse_integer(std::string_view(text).substr(0, text.find('\n')));  // "max": none
}

std::int64_t of_machine(const fs::path& root) {
  if (const auto kilobytes = number_behind(text_of(root / "proc/meminfo"), "MemAvailable:")) return *kilobytes * 1024;
  return std::int64_t{sysconf(_SC_AVPHYS_PAGES)} * sysconf(_SC_PAGESIZE);
}

std::int64_t left_of(int resource, std::int64_t used) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kUnlimited;
  }
  return static_cast<std::int64_t>(std::min<rlim_t>(limit.rlim_cur, kUnlimited)) - used;
}

std::int64_t of_process(const fs::path& root) {
  std::istringstream pages(text_of(root / "proc/self/statm"));  // size resident shared text 0 data 0
  std::int64_t size = 0, other = 0, data = 0;
  pages >> size >> other >> other >> other >> other >> data;
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  return std::min(left_of(RLIMIT_AS, size * page), left_of(RLIMIT_DATA, data * page));
}

// The files of one version of cgroups. What the page cache holds is charged too, and is given back when it is needed.
struct Names {
  const char *limit, *used, *active_cache, *inactive_cache;
};
constexpr Names kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_active_file", "total_inactive_file"};
constexpr Names kVersion2{"memory.max", "memory.current", "active_file", "inactive_file"};

std::int64_t of_group(const fs::path& directory, const Names& names) {
  const auto limit = number_in(directory / names.limit), used = number_in(directory / names.used);
  if (!limit || !used) return kUnlimited;
  const std::string statistics = text_of(directory / "memory.stat");
  const std::int64_t cache = number_behind(statistics, names.active_cache).value_or(0) +
                             number_behind(statistics, names.inactive_cache).value_or(0);
  return *limit - *used + std::min(cache, *used);
}

// All groups above count. In a container the path may be that outside of it: then the topmost is its own.
std::int64_t of_groups(const fs::path& top, fs::path path, const Names& names) {
  std::int64_t least = of_group(top, names);
  for (path = path.relative_path(); !path.empty(); path = path.parent_path()) {
    least = std::min(least, of_group(top / path, names));
  }
  return least;
}

std::int64_t of_container(const fs::path& root) {
  std::int64_t least = kUnlimited;
  std::istringstream lines(text_of(root / "proc/self/cgroup"));  // number:controllers:path
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = fmt::format(",{},", line.substr(first + 1, second - first - 1));
    const fs::path path = line.substr(second + 1);
    if (controllers == ",,") least = std::min(least, of_groups(root / "sys/fs/cgroup", path, kVersion2));
    if (controllers.find(",memory,") != std::string::npos) {
      least = std::min(least, of_groups(root / "sys/fs/cgroup/memory", path, kVersion1));
    }
  }
  return least;
}

}  // namespace

std::int64_t available_host_bytes(const fs::path& root) {
  return std::max<std::int64_t>(0, std::min({of_machine(root), of_process(root), of_container(root)}));
}

}  // namespace drift
