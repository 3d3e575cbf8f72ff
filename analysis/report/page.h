// The report as one HTML file that needs nothing else: figures as inline SVG, light and dark, readable on a telephone.
#pragma once

#include <string>

#include "analysis/report/arms.h"

namespace drift {

// made: when, for its head: "2026-01-31T12:00:00Z".
std::string report_page(const std::vector<Arm>& arms, const std::string& title, const std::string& made);

}  // namespace drift
