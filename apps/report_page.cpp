#include "apps/report_page.h"

#include "analysis/report/page.h"
#include "core/atomic_file.h"
#include "core/clock.h"

namespace drift {

std::filesystem::path write_report(const std::vector<Arm>& arms, const std::string& title,
                                   const std::filesystem::path& file) {
  write_file_atomically(file, report_page(arms, title, utc_time()));
  return file;
}

}  // namespace drift
