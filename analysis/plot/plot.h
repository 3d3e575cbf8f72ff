// Plot: one figure as SVG, for a page or as a file of its own. What belongs together has one colour number, in all
// figures; the page (or the file) says what colours those are, in light and in dark.
#pragma once

#include <string>
#include <vector>

#include "analysis/plot/axis.h"

namespace drift {

struct PlotPoint {
  double x = 0, y = 0;
  double low = 0, high = 0;  // of the band; both NaN: none
};

struct PlotLine {
  std::string name = {};
  int colour = 0;
  std::vector<PlotPoint> points = {};  // by x; points that are not finite, or cannot stand on a log axis, are left out
  bool dots = false;                   // at every point: measured there, not only averaged around it
  bool steps = false;                  // keeps its value until the next point
  bool dashed = false;
};

// A short mark below the lines, in a row for each colour.
struct PlotMarks {
  int colour = 0;
  std::vector<double> x = {};
};

struct PlotRule {
  double x = 0;
  std::string name = {};
};

struct Plot {
  std::string id = {};     // of its file and its anchor: "test-accuracy"
  std::string title = {};  // what is measured, with its unit
  std::string note = {};   // one sentence: how to read it
  std::string x_name = {};
  Scale x_scale = Scale::kLinear, y_scale = Scale::kLinear;
  Unit x_unit = Unit::kNumber, y_unit = Unit::kNumber;
  std::vector<PlotLine> lines = {};
  std::vector<PlotMarks> marks = {};  // with a name below the axis: marks_name
  std::string marks_name = {};
  std::vector<PlotRule> rules = {};

  bool has_points() const;
};

constexpr int kPlotColours = 8;

// The element for a page, in classes that page_style() colours.
std::string svg_element(const Plot& plot);
// A file of its own, on white, with a legend of its lines.
std::string svg_file(const Plot& plot);
// Such a file of any figure: `drawing`, in the same classes, begins below kFigureTitle.
inline constexpr double kFigureTitle = 22;
std::string svg_document(const std::string& title, double left, double width, double height,
                         const std::string& drawing);

// Colours and classes of plots: custom properties for light and dark, then rules.
std::string plot_style();

}  // namespace drift
