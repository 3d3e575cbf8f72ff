// Bars: amounts that are made of the same parts, as one bar each, lying. A part has the same colour in all of them.
#pragma once

#include <string>
#include <vector>

#include "analysis/plot/axis.h"

namespace drift {

struct Bars {
  struct Bar {
    std::string name = {};
    std::vector<double> amounts = {};  // of the parts, in order; what is below 0 is left out
  };

  std::string id = {};
  std::string title = {};  // with the unit
  std::string note = {};   // one sentence: how to read it
  std::string unit = {};   // behind amounts
  std::vector<std::string> parts = {};
  std::vector<Bar> bars = {};
};

// The element for a page, in classes that plot_style() colours, with a legend of the parts that can be seen.
std::string svg_element(const Bars& bars);
// A file of its own, on white.
std::string svg_file(const Bars& bars);

}  // namespace drift
