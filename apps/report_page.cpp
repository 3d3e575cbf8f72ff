#include "apps/report_page.h"

#include <chrono>
#include <fmt/chrono.h>

#include "analysis/report/page.h"
#include "core/atomic_file.h"

namespace drift {

std::filesystem::path write_report(const std::vector<Arm>& arms, const std::string& title,
                                   const std::filesystem::path& file) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  write_file_atomically(file, report_page(arms, title, fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(now))));
  return file;
}

}  // namespace drift
