// The ten outlines that are the classes of the shapes set, each around the origin and about 1 in radius.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/raster.h"

namespace drift {

struct Outline {
  std::string name;
  std::vector<Edge> edges;  // closed contours, filled by the even-odd rule
};

// In class order; built once.
std::span<const Outline> outlines();

}  // namespace drift
