// drift runs: the runs of a directory, a line each.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <vector>

#include "analysis/report/results.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "core/text_table.h"
#include "train/checkpoint/checkpoint.h"
#include "train/config/options.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

using Row = std::vector<std::string>;

std::string algorithm_text(const TrainConfig& config) {
  const std::string name = *find_option("algo")->get(config);
  const std::string workers = fmt::format("{} x {}", config.sync.workers, config.sync.local_batch);
  if (config.sync.algorithm == Algorithm::kSgd) return fmt::format("{}, {}", name, workers);
  return fmt::format("{} H {}, {}", name, *find_option("period")->get(config), workers);
}

std::string state_text(const RunRecords& run) {
  const std::string status = run.status();
  if (status == "finished" || status == "running") return status;
  const std::vector<fs::path> checkpoints =
      with_file_errors(ErrorKind::kCheckpoint, [&] { return checkpoints_in(run.path); });
  if (checkpoints.empty()) return status + ", no checkpoint";
  return fmt::format("{}, resumable from {}", status, checkpoints.back().filename().string());
}

Row row_of(const fs::path& directory) {
  const std::string name = directory.filename().string();
  try {
    const RunRecords run = read_run(directory);
    const Step total = run.total_steps();
    Row row = {name,
               run.config.model.name,
               algorithm_text(run.config),
               total > 0 ? fmt::format("{}/{}", run.steps_done(), total) : std::to_string(run.steps_done()),
               "",
               "",
               state_text(run)};
    const ArmResult result = results_of({Arm{.name = name, .runs = {run}}}).front();
    row[4] = percent_text(result.accuracy);
    if (result.images_per_second > 0) row[5] = fmt::format("{:.0f}", result.images_per_second);
    return row;
  } catch (const Error& error) {  // others may be sound
    return {name, "", "", "", "", "", "unreadable: " + error.message()};
  }
}

}  // namespace

int run_runs(int argc, char** argv) {
  CommandLine command_line(std::nullopt, "drift runs",
                           "Lists the runs of a directory: network, algorithm with workers and local batch, how far "
                           "they are, accuracy in percent, speed, and whether they can go on.",
                           {"drift runs", "drift runs /shared/runs", "drift runs --fields"});
  std::string directory = "runs";
  bool fields = false;
  command_line.add_value("DIR", "", &directory, "where they are [runs]");
  command_line.add_switch("--fields", fields, "print the fields of metrics.jsonl instead, as Markdown");
  if (!command_line.parse(argc, argv)) return 0;
  if (fields) {
    print("{}", record_fields_markdown());
    return 0;
  }
  std::vector<fs::path> runs;
  with_file_errors(ErrorKind::kUsage, [&] {
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (is_run(entry.path())) runs.push_back(entry.path());
    }
  });
  std::ranges::sort(runs);
  std::vector<Row> rows = {{"run", "model", "algorithm", "step", "top1", "img/s", "state"}};
  for (const fs::path& run : runs) rows.push_back(row_of(run));
  if (runs.empty()) {
    print("no runs in {}\n", directory);
  } else {
    print("{}", text_table(rows, "<<<>>><"));
  }
  return 0;
}

}  // namespace drift
