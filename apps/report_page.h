// The HTML page of a report, written.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analysis/report/arms.h"

namespace drift {

// Returns `file`.
std::filesystem::path write_report(const std::vector<Arm>& arms, const std::string& title,
                                   const std::filesystem::path& file);

}  // namespace drift
