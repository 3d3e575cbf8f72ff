// drift report: runs as one HTML page, or as single figures.
#include <chrono>
#include <filesystem>
#include <fmt/chrono.h>
#include <vector>

#include "analysis/report/figures.h"
#include "analysis/report/page.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/atomic_file.h"
#include "core/check.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

std::string now_text() {
  return fmt::format("{:%Y-%m-%d %H:%M} UTC",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

void write_figures(const std::vector<Arm>& arms, const fs::path& directory) {
  std::error_code error;
  make_directories(directory, error);
  DRIFT_CHECK(kOutput, !error, "cannot make {}: {}", directory.string(), error.message());
  for (const Plot& plot : figures_of(arms)) {
    const fs::path file = directory / (plot.id + ".svg");
    write_file_atomically(file, svg_file(plot));
    print("{}\n", file.string());
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
       "drift report runs/* --svg figures"});
  std::vector<std::string> paths;
  std::string out, figures, title;
  command_line.add_required_values("RUN", paths, "run directories");
  command_line.add_value("--out", "FILE", &out, "the page; of one run its report.html unless given, else report.html");
  command_line.add_value("--svg", "DIR", &figures, "single figures instead, as SVG files");
  command_line.add_value("--title", "TEXT", &title, "the page's title");
  if (!command_line.parse(argc, argv)) return 0;

  std::vector<RunRecords> runs;
  for (const std::string& path : paths) runs.push_back(read_run(path));
  const std::vector<Arm> arms = arms_of(std::move(runs));
  if (!figures.empty()) {
    write_figures(arms, figures);
    if (out.empty()) return 0;
  }
  const fs::path page = !out.empty()        ? fs::path(out)
                        : paths.size() == 1 ? fs::path(paths[0]) / "report.html"
                                            : "report.html";
  write_file_atomically(
      page, report_page(arms, title.empty() ? arms.size() == 1 ? arms[0].name : "Runs compared" : title, now_text()));
  print("{}\n", page.string());
  return 0;
}

}  // namespace drift
