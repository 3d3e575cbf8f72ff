// drift report: runs as one HTML page, or as single figures.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare/outcome.h"
#include "analysis/report/figures.h"
#include "analysis/report/ledger_section.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "apps/report_page.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/text.h"
#include "train/config/option_kinds.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// Those of comparisons as they are called there, then those of single runs.
std::vector<Arm> read_arms(const std::vector<std::string>& paths) {
  std::vector<Arm> arms;
  std::vector<RunRecords> runs;
  for (const std::string& path : paths) {
    if (!is_comparison(path)) {
      runs.push_back(read_run(path));
      continue;
    }
    for (Arm& arm : arms_in(path)) arms.push_back(std::move(arm));
  }
  for (Arm& arm : arms_of(std::move(runs))) arms.push_back(std::move(arm));
  DRIFT_CHECK(kUsage, !arms.empty(), "{}: no run has begun there", paths.front());
  return arms;
}

// Those that are named, in that order.
std::vector<Arm> selected(const std::vector<Arm>& arms, std::string_view names) {
  std::vector<std::string> known;
  for (const Arm& arm : arms) known.push_back(arm.name);
  std::vector<Arm> chosen;
  for (const std::string_view name : options::split(names, ',')) {
    const auto arm = std::ranges::find(arms, name, &Arm::name);
    DRIFT_CHECK(kUsage, arm != arms.end(), "--arms: there is no arm '{}', but {}", name, joined(known));
    chosen.push_back(*arm);
  }
  return chosen;
}

void write_figures(const std::vector<Arm>& arms, const fs::path& directory) {
  make_directories(directory);
  const auto write = [&](const std::string& name, const std::string& svg) {
    const fs::path file = directory / (name + ".svg");
    write_file_atomically(file, svg);
    print("{}\n", file.string());
  };
  for (const Plot& plot : figures_of(arms)) write(plot.id, svg_file(plot));
  for (std::size_t i = 0; i < arms.size(); ++i) {
    const std::optional<ProfileFigures> figures = profile_figures(arms[i]);
    if (!figures) continue;
    const std::string which = arms.size() == 1 ? "" : fmt::format("-{}", i);  // names of arms may be no names of files
    write(figures->steps.id + which, svg_file(figures->steps));
    if (figures->points.has_points()) write(figures->points.id + which, svg_file(figures->points));
  }
}

}  // namespace

int run_report(int argc, char** argv) {
  CommandLine command_line(
      std::nullopt, "drift report",
      "Writes one HTML file about runs, which needs nothing else to be read: accuracy and loss over epochs, wall time "
      "and communication rounds, speed, bytes, what is set differently, machines and commands. Runs that differ in "
      "their seed alone are repetitions of one arm. A run that is still going is shown as far as it is.",
      {"drift report runs/20260131-120000-quickstart", "drift report runs/a runs/b --out compared.html",
       "drift report runs/* --svg figures", "drift report runs/fig1a --arms sgd,local600 --svg figures"});
  std::vector<std::string> paths;
  std::string out, figures, title, names;
  command_line.add_required_values("RUN", paths, "run directories, or those of drift compare");
  command_line.add_value("--out", "FILE", &out, "the page [report.html of the run, or of this directory]");
  command_line.add_value("--arms", "NAME[,...]", &names, "only these arms, in this order; the first is compared with");
  command_line.add_value("--svg", "DIR", &figures, "single figures instead, as SVG files");
  command_line.add_value("--title", "TEXT", &title, "the page's title");
  if (!command_line.parse(argc, argv)) return 0;

  std::vector<Arm> arms = read_arms(paths);
  if (!names.empty()) arms = selected(arms, names);
  if (!figures.empty()) write_figures(arms, figures);
  if (!figures.empty() && out.empty()) return 0;
  if (title.empty()) title = arms.size() == 1 ? arms.front().name : "Runs compared";
  const fs::path page = !out.empty()        ? fs::path(out)
                        : paths.size() == 1 ? fs::path(paths.front()) / "report.html"
                                            : "report.html";
  print("{}\n", write_report(arms, title, page).string());
  return 0;
}

}  // namespace drift
