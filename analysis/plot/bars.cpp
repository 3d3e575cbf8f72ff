#include "analysis/plot/bars.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "analysis/markup.h"
#include "analysis/plot/plot.h"

namespace drift {
namespace {

constexpr double kWidth = 480, kLeft = 104, kRight = 14, kTop = 6, kBarHeight = 26, kBarGap = 12, kLegendRow = 19;
constexpr int kLegendColumns = 2;

bool is_there(double amount) {
  return std::isfinite(amount) && amount > 0;
}

double sum_of(const Bars::Bar& bar) {
  double sum = 0;
  for (const double amount : bar.amounts) sum += is_there(amount) ? amount : 0;
  return sum;
}

double longest_of(const Bars& bars) {
  double longest = 0;
  for (const Bars::Bar& bar : bars.bars) longest = std::max(longest, sum_of(bar));
  return longest;
}

// So large that one could see it.
bool is_seen(const Bars& bars, std::size_t part) {
  const double least = 2e-3 * longest_of(bars);
  return std::ranges::any_of(bars.bars, [&](const Bars::Bar& bar) { return bar.amounts.at(part) >= least; });
}

// Two columns, in the order of the parts.
std::string legend(const Bars& bars, double& y) {
  std::string svg;
  int place = 0;
  for (std::size_t part = 0; part < bars.parts.size(); ++part) {
    if (!is_seen(bars, part)) continue;
    const double x = 4 + (kWidth / kLegendColumns) * (place % kLegendColumns);
    const double row = y + kLegendRow * static_cast<double>(place / kLegendColumns);
    svg += fmt::format(R"(<rect class="bar c{}" x="{:g}" y="{:.1f}" width="12" height="12"/>)", part % kPlotColours, x,
                       row + 4);
    svg += fmt::format(R"(<text x="{:g}" y="{:.1f}">{}</text>)", x + 18, row + 14, escaped(bars.parts[part]));
    ++place;
  }
  y += kLegendRow * std::ceil(static_cast<double>(place) / kLegendColumns);
  return svg;
}

struct Drawing {
  std::string svg;
  double height;
};

Drawing draw(const Bars& bars, double top) {
  const Axis axis(0, longest_of(bars), Scale::kLinear, Unit::kNumber);
  const auto x = [&](double amount) { return kLeft + (kWidth - kRight - kLeft) * axis.place(amount); };
  const double bottom = top + static_cast<double>(bars.bars.size()) * (kBarHeight + kBarGap);
  std::string svg;
  for (const Tick& tick : axis.ticks(5)) {
    svg += fmt::format(R"(<path class="grid" d="M{:.1f} {:g}V{:g}"/>)", x(tick.value), top, bottom);
    svg += fmt::format(R"(<text x="{:.1f}" y="{:g}" text-anchor="middle">{}</text>)", x(tick.value), bottom + 15,
                       escaped(tick.text));
  }
  double y = top + kBarGap / 2;
  for (const Bars::Bar& bar : bars.bars) {
    svg += fmt::format(R"(<text x="{:g}" y="{:.1f}" text-anchor="end">{}</text>)", kLeft - 8, y + kBarHeight / 2 + 4,
                       escaped(bar.name));
    double before = 0;
    for (std::size_t part = 0; part < bar.amounts.size(); ++part) {
      const double amount = bar.amounts[part];
      if (!is_there(amount)) continue;
      svg += fmt::format(R"(<rect class="bar c{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:g}">)"
                         R"(<title>{}, {}: {:.4g} {}</title></rect>)",
                         part % kPlotColours, x(before), y, x(before + amount) - x(before), kBarHeight,
                         escaped(bar.name), escaped(bars.parts.at(part)), amount, escaped(bars.unit));
      before += amount;
    }
    y += kBarHeight + kBarGap;
  }
  double end = bottom + 22;
  svg += legend(bars, end);
  return {std::move(svg), end + 4};
}

}  // namespace

std::string svg_element(const Bars& bars) {
  const Drawing drawing = draw(bars, kTop);
  return fmt::format(R"(<svg class="bars" viewBox="0 0 {:g} {:g}" role="img" aria-label="{}">{}</svg>)", kWidth,
                     drawing.height, escaped(bars.title), drawing.svg);
}

std::string svg_file(const Bars& bars) {
  const Drawing drawing = draw(bars, kFigureTitle + kTop + 8);
  return svg_document(bars.title, 4, kWidth, drawing.height, drawing.svg);
}

}  // namespace drift
