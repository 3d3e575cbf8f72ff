#include "analysis/plot/plot.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <utility>

#include "analysis/markup.h"

namespace drift {
namespace {

// Of a figure that is 480 wide on a page of two columns, and on a telephone no less than three quarters of that.
constexpr double kWidth = 480, kHeight = 260, kLeft = 56, kRight = 14, kTop = 10, kBottom = 38;
constexpr double kMarkRow = 7, kLegendRow = 18;

bool is_placed(const PlotPoint& point, const Plot& plot) {
  return std::isfinite(point.x) && std::isfinite(point.y) && (plot.x_scale == Scale::kLinear || point.x > 0) &&
         (plot.y_scale == Scale::kLinear || point.y > 0);
}

bool has_band(const PlotPoint& point) {
  return std::isfinite(point.low) && std::isfinite(point.high);
}

struct Extent {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();

  void add(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// Lines alone decide; a band that goes far beyond them is cut.
Axis y_axis(const Plot& plot) {
  Extent lines, bands;
  for (const PlotLine& line : plot.lines) {
    for (const PlotPoint& point : line.points) {
      if (!is_placed(point, plot)) continue;
      lines.add(point.y);
      if (has_band(point)) {
        bands.add(point.low);
        bands.add(point.high);
      }
    }
  }
  const double span = lines.high - lines.low;
  if (plot.y_scale == Scale::kLog) return {lines.low / 1.2, lines.high * 1.2, Scale::kLog, plot.y_unit};
  double low = std::max(std::min(lines.low, bands.low), lines.low - 0.25 * span) - 0.04 * span;
  const double high = std::min(std::max(lines.high, bands.high), lines.high + 0.25 * span) + 0.04 * span;
  if (lines.low >= 0) low = std::max(low, 0.0);
  return {low, high, Scale::kLinear, plot.y_unit};
}

Axis x_axis(const Plot& plot) {
  Extent extent;
  for (const PlotLine& line : plot.lines) {
    for (const PlotPoint& point : line.points) {
      if (is_placed(point, plot)) extent.add(point.x);
    }
  }
  return {extent.low, extent.high, plot.x_scale, plot.x_unit};
}

class Drawing {
 public:
  Drawing(const Plot& plot, double top)
      : plot_(plot),
        x_(x_axis(plot)),
        y_(y_axis(plot)),
        top_(top),
        height_(kHeight - kTop - kBottom),
        bottom_(top + height_) {}

  double bottom() const { return bottom_ + kBottom + kMarkRow * static_cast<double>(plot_.marks.size()); }

  std::string draw() {
    axes();
    rules();
    for (const PlotLine& line : plot_.lines) band(line);
    for (const PlotLine& line : plot_.lines) stroke(line);
    marks();
    return std::move(out_);
  }

  // What a script needs to go from places back to values.
  std::string attributes() const {
    return fmt::format(R"(data-x="{:g} {:g} {:g} {:g} {}" data-y="{:g} {:g} {:g} {:g} {}" data-units="{} {}")", kLeft,
                       kWidth - kRight, x_.low(), x_.high(), static_cast<int>(x_.scale()), bottom_, top_, y_.low(),
                       y_.high(), static_cast<int>(y_.scale()), static_cast<int>(x_.unit()),
                       static_cast<int>(y_.unit()));
  }

 private:
  double x(double value) const { return kLeft + (kWidth - kRight - kLeft) * x_.place(value); }
  double y(double value) const { return bottom_ - height_ * std::clamp(y_.place(value), 0.0, 1.0); }

  template <class... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  void axes() {
    for (const Tick& tick : y_.ticks(5)) {
      add(R"(<path class="grid" d="M{:g} {:.1f}H{:g}"/>)", kLeft, y(tick.value), kWidth - kRight);
      add(R"(<text x="{:g}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 6, y(tick.value) + 4, escaped(tick.text));
    }
    const double labels = bottom_ + kMarkRow * static_cast<double>(plot_.marks.size()) + 16;
    for (const Tick& tick : x_.ticks(6)) {
      add(R"(<path class="grid" d="M{:.1f} {:.1f}v4"/>)", x(tick.value), bottom_);
      add(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>)", x(tick.value), labels, escaped(tick.text));
    }
    add(R"(<path class="axis" d="M{:g} {:.1f}H{:g}"/>)", kLeft, bottom_, kWidth - kRight);
    add(R"(<text x="{:g}" y="{:.1f}" text-anchor="end">{}</text>)", kWidth - kRight, labels + 16,
        escaped(plot_.x_name));
  }

  void rules() {
    for (const PlotRule& rule : plot_.rules) {
      add(R"(<path class="rule" d="M{:.1f} {:g}V{:.1f}"><title>{}</title></path>)", x(rule.x), top_, bottom_,
          escaped(rule.name));
    }
  }

  void band(const PlotLine& line) {
    std::string upper, lower;
    for (const PlotPoint& point : line.points) {
      if (!is_placed(point, plot_) || !has_band(point)) continue;
      upper += fmt::format("{:.1f},{:.1f} ", x(point.x), y(point.high));
      lower = fmt::format("{:.1f},{:.1f} ", x(point.x), y(point.low)) + lower;
    }
    if (!upper.empty()) add(R"(<polygon class="band c{}" points="{}"/>)", line.colour % kPlotColours, upper + lower);
  }

  void stroke(const PlotLine& line) {
    std::string points;
    double last_y = 0;
    for (const PlotPoint& point : line.points) {
      if (!is_placed(point, plot_)) continue;
      const double right = x(point.x), up = y(point.y);
      if (line.steps && !points.empty()) points += fmt::format("{:.1f},{:.1f} ", right, last_y);
      points += fmt::format("{:.1f},{:.1f} ", right, up);
      last_y = up;
    }
    if (points.empty()) return;
    const int colour = line.colour % kPlotColours;
    add(R"(<polyline class="line c{}{}" data-name="{}" points="{}"/>)", colour, line.dashed ? " dashed" : "",
        escaped(line.name), points);
    if (!line.dots) return;
    for (const PlotPoint& point : line.points) {
      if (is_placed(point, plot_)) {
        add(R"(<circle class="dot c{}" cx="{:.1f}" cy="{:.1f}" r="2.4"/>)", colour, x(point.x), y(point.y));
      }
    }
  }

  // Marks that would touch are drawn as one bar.
  void marks() {
    double row = bottom_ + 3;
    for (const PlotMarks& marks : plot_.marks) {
      std::string path;
      double from = -1, to = -1;
      const auto finish = [&] {
        if (from >= 0) path += fmt::format("M{:.1f} {:.1f}h{:.1f}", from, row + kMarkRow / 2, std::max(to - from, 1.2));
      };
      for (const double value : marks.x) {
        if (value < x_.low() || value > x_.high()) continue;
        const double place = x(value);
        if (from >= 0 && place - to < 2.4) {
          to = place;
          continue;
        }
        finish();
        from = to = place;
      }
      finish();
      if (!path.empty()) {
        add(R"(<path class="mark c{}" d="{}"><title>{}</title></path>)", marks.colour % kPlotColours, path,
            escaped(plot_.marks_name));
      }
      row += kMarkRow;
    }
  }

  const Plot& plot_;
  const Axis x_, y_;
  const double top_, height_, bottom_;
  std::string out_;
};

// Lines with a name, one below the other.
std::string legend(const Plot& plot, double top) {
  std::string text;
  double row = top;
  for (const PlotLine& line : plot.lines) {
    text += fmt::format(R"(<path class="line c{}{}" d="M{:g} {:g}h22"/><text x="{:g}" y="{:g}">{}</text>)",
                        line.colour % kPlotColours, line.dashed ? " dashed" : "", kLeft, row - 4, kLeft + 28, row,
                        escaped(line.name));
    row += kLegendRow;
  }
  return text;
}

// By name, in light and in dark.
struct Colour {
  std::string_view name, light, dark;
};
constexpr std::array kColours = {
    Colour{"ink", "#1d2733", "#e4e8ed"},  Colour{"soft", "#5b6673", "#9aa6b3"}, Colour{"paper", "#ffffff", "#12161b"},
    Colour{"card", "#ffffff", "#191f26"}, Colour{"edge", "#d9dee4", "#2c343d"}, Colour{"grid", "#e6eaee", "#29313a"},
    Colour{"c0", "#1f6fb4", "#62a8ee"},   Colour{"c1", "#c8502b", "#f0885f"},   Colour{"c2", "#1a8a6c", "#4cc4a0"},
    Colour{"c3", "#7a55b5", "#b197ee"},   Colour{"c4", "#b3882a", "#dcb65a"},   Colour{"c5", "#c2417c", "#ee84b4"},
    Colour{"c6", "#4d7d1f", "#9ccb63"},   Colour{"c7", "#5f6b7a", "#a5b1bf"}};

// For a page, which knows the colours as properties, or with the light ones in it.
std::string classes(bool on_page) {
  const auto colour = [&](std::string_view name) {
    if (on_page) return fmt::format("var(--{})", name);
    return std::string(std::ranges::find(kColours, name, &Colour::name)->light);
  };
  std::string text = fmt::format(
      "svg text{{font-size:12px;fill:{0}}}.grid{{stroke:{1}}}.axis{{stroke:{0}}}"
      ".rule{{stroke:{0};stroke-dasharray:2 4;fill:none}}.line{{fill:none;stroke-width:1.8;stroke-linejoin:round}}"
      ".dashed{{stroke-dasharray:6 4}}.band{{opacity:.16}}.mark{{stroke-width:5;opacity:.75}}",
      colour("soft"), colour("grid"));
  for (int number = 0; number < kPlotColours; ++number) {
    const std::string name = fmt::format("c{}", number);
    text += fmt::format(".line.{0},.mark.{0}{{stroke:{1}}}.dot.{0},.band.{0},.bar.{0}{{fill:{1}}}", name, colour(name));
  }
  return text;
}

}  // namespace

bool Plot::has_points() const {
  return std::ranges::any_of(lines, [this](const PlotLine& line) {
    return std::ranges::any_of(line.points, [this](const PlotPoint& point) { return is_placed(point, *this); });
  });
}

std::string svg_element(const Plot& plot) {
  Drawing drawing(plot, kTop);
  return fmt::format(R"(<svg class="plot" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}" {}>{}</svg>)", kWidth,
                     drawing.bottom(), escaped(plot.title), drawing.attributes(), drawing.draw());
}

std::string svg_file(const Plot& plot) {
  const double rows = kLegendRow * static_cast<double>(plot.lines.size());
  Drawing drawing(plot, kFigureTitle + rows + kTop + 8);
  return svg_document(plot.title, kLeft, kWidth, drawing.bottom(), legend(plot, kFigureTitle + 20) + drawing.draw());
}

std::string svg_document(const std::string& title, double left, double width, double height,
                         const std::string& drawing) {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:g} {1:g}\" width=\"{0:g}\" height=\"{1:g}\" "
      "font-family=\"system-ui, sans-serif\">\n<style>{2}</style>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
      "<text x=\"{3:g}\" y=\"{4:g}\" style=\"font-size:14px;font-weight:600;fill:#1d2733\">{5}</text>\n{6}\n"
      "</svg>\n",
      width, height, classes(/*on_page=*/false), left, kFigureTitle, escaped(title), drawing);
}

std::string plot_style() {
  std::string light, dark;
  for (const Colour& colour : kColours) {
    light += fmt::format("--{}:{};", colour.name, colour.light);
    dark += fmt::format("--{}:{};", colour.name, colour.dark);
  }
  return fmt::format(":root{{color-scheme:light dark;{}}}@media(prefers-color-scheme:dark){{:root{{{}}}}}{}", light,
                     dark, classes(/*on_page=*/true));
}

}  // namespace drift
