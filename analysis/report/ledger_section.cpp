#include "analysis/report/ledger_section.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <utility>

#include "analysis/ledger/ledger_text.h"
#include "analysis/markup.h"
#include "analysis/report/figure_html.h"

namespace drift {
namespace {

constexpr double kMilliseconds = 1e3;

std::string names_of(const Plot& plot) {
  std::string html = R"(<div class="names">)";
  for (const PlotLine& line : plot.lines) {
    html += "<span>" + swatch(static_cast<std::size_t>(line.colour)) + escaped(line.name) + "</span>";
  }
  return html + "</div>";
}

}  // namespace

Bars step_bars(const Ledger& ledger) {
  Bars bars{.id = "step-time",
            .title = "A step of a worker, ms",
            .note = "Means of the middle half of each kind's steps; averages only as far as they are waited for.",
            .unit = "ms",
            .parts = {"forward", "backward", "update", "average: other workers", "average: moving",
                      "between operations", "batch and lane", "other operations"}};
  for (const Sync kind : kStepKinds) {
    if (!ledger.has(kind)) continue;
    const auto part = [&](std::string_view name) { return ledger.part(name).at(kind); };
    std::vector<double> amounts = {part("forward"),
                                   part("backward"),
                                   part("update"),
                                   ledger.skew.at(kind),
                                   ledger.moving.at(kind),
                                   ledger.gaps.at(kind),
                                   ledger.batch.at(kind) + ledger.lane.at(kind),
                                   part("upload") + part("other")};
    for (double& amount : amounts) amount *= kMilliseconds;
    bars.bars.push_back({title_of(kind), std::move(amounts)});
  }
  return bars;
}

Plot roofline(const Profile& profile) {
  struct Sums {
    double bytes = 0, products = 0, seconds = 0;
  };
  std::map<std::string, Sums> operations;
  for (const Profile::RecordedStep& step : profile.steps) {
    if (step.of.first) continue;
    for (const ProfiledCall& call : step.of.calls) {
      const ProfiledOp& op = profile.ops[static_cast<std::size_t>(call.op)];
      if (op.multiply_adds == 0) continue;
      Sums& sums = operations[op.op];
      sums.bytes += static_cast<double>(op.bytes);
      sums.products += static_cast<double>(op.multiply_adds);
      sums.seconds += 1e-9 * static_cast<double>(call.time.length());
    }
  }
  Plot plot{
      .id = "roofline",
      .title = "Roofline: floating-point operations per second",
      .note = "What a matrix product and memory allow, by operations for each byte; Winograd's form may be above it.",
      .x_name = "operations for each byte that is needed",
      .x_scale = Scale::kLog,
      .y_scale = Scale::kLog};
  double low = std::numeric_limits<double>::infinity(), high = 0;
  int colour = 0;
  for (const auto& [name, sums] : operations) {
    const double each = 2 * sums.products / sums.bytes, rate = 2 * sums.products / sums.seconds;
    plot.lines.push_back(
        {.name = name, .colour = ++colour, .points = {{each, rate, std::nan(""), std::nan("")}}, .dots = true});
    low = std::min(low, each);
    high = std::max(high, each);
  }
  const MachineRates& rates = profile.latest().rates;
  if (operations.empty() || rates.memory.empty()) return plot;
  const double peak = 2 * rates.multiply_adds, memory = rates.memory.back().per_second, ridge = peak / memory;
  PlotLine roof{.name = "the machine", .colour = 0};
  for (const double x : {std::min(low, ridge / 4), ridge, std::max(high, ridge * 4)}) {
    roof.points.push_back({x, std::min(peak, memory * x), std::nan(""), std::nan("")});
  }
  plot.lines.insert(plot.lines.begin(), std::move(roof));
  return plot;
}

std::optional<ProfileFigures> profile_figures(const Arm& arm) {
  const auto run = std::ranges::find_if(arm.runs, [](const RunRecords& one) { return has_profile(one.path); });
  if (run == arm.runs.end()) return std::nullopt;
  Profile profile = read_profile(run->path);
  const Ledger ledger = make_ledger(profile);
  if (!std::isfinite(ledger.step.typical())) return std::nullopt;
  Plot points = roofline(profile);
  return ProfileFigures{run->path, std::move(profile), step_bars(ledger), std::move(points)};
}

std::string ledger_section(const std::vector<Arm>& arms) {
  std::string html;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const std::optional<ProfileFigures> figures = profile_figures(arms[i]);
    if (!figures) continue;
    if (arms.size() > 1) html += "<h3>" + escaped(arms[i].name) + "</h3>\n";
    const auto& [run, profile, steps, points] = *figures;
    const auto id_of = [&](const std::string& id) { return fmt::format("{}-{}", id, i); };
    html += "<div class=\"figures\">\n" + figure_html(steps, id_of(steps.id)) +
            (points.has_points() ? figure_html(points, id_of(points.id), names_of(points)) : "") + "</div>\n";
    html += fmt::format("<details><summary>all of it</summary><pre>{}\n{}</pre></details>\n",
                        escaped(ledger_text(profile, run.string())), escaped(layers_text(profile)));
  }
  return html.empty() ? "" : "<h2>Where the time of a step goes</h2>\n" + html;
}

}  // namespace drift
