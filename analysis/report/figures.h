// The figures of a report, from the records of its arms.
#pragma once

#include <vector>

#include "analysis/plot/plot.h"
#include "analysis/report/arms.h"

namespace drift {

// Those that have something to show, the most telling first. A line per arm: means over its seeds where their steps
// are equal, with the 95 % interval of the mean as a band.
std::vector<Plot> figures_of(const std::vector<Arm>& arms);

}  // namespace drift
