#include "train/runs/run_reader.h"

#include "core/check.h"
#include "core/file_errors.h"
#include "core/regular_file.h"
#include "train/config/toml.h"
#include "train/runs/directory_lock.h"
#include "train/runs/run_directory.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kFileBytesMax = 64 << 20;

bool is_there(const fs::path& path) {
  return with_file_errors(ErrorKind::kData, [&] { return fs::exists(path); });
}

Json json_if_there(const fs::path& path) {
  return is_there(path) ? read_json_object(path) : Json();
}

struct Filing {
  RunRecords& run;

  void operator()(BeginRecord&& record) const {
    run.end.reset();
    run.begins.push_back(std::move(record));
  }
  void operator()(StepRecord&& record) const { run.steps.push_back(std::move(record)); }
  void operator()(RoundRecord&& record) const { run.rounds.push_back(record); }
  void operator()(EvalRecord&& record) const { run.evaluations.push_back(std::move(record)); }
  void operator()(CheckpointRecord&& record) const { run.checkpoints.push_back(std::move(record)); }
  void operator()(EndRecord&& record) const { run.end = std::move(record); }
};

}  // namespace

bool is_run(const fs::path& directory) {
  std::error_code absent;
  return fs::is_regular_file(directory / "config.toml", absent);
}

RunRecords read_run_without_records(const fs::path& directory) {
  DRIFT_CHECK(kUsage, is_run(directory), "{} is no run directory: it has no config.toml", directory.string());
  RunRecords run{.path = directory};
  const fs::path config = directory / "config.toml";
  run.config = config_from_toml(read_text(config, kFileBytesMax, ErrorKind::kData), config.string());
  run.commands = text_if_there(directory / "cmd.txt", kFileBytesMax, ErrorKind::kData).value_or("");
  run.environment = json_if_there(directory / "env.json");
  run.branch = json_if_there(directory / "branch.json");
  run.summary = json_if_there(directory / "summary.json");
  run.holder = DirectoryLock::holder_of(directory);
  return run;
}

RunRecords read_run(const fs::path& directory) {
  RunRecords run = read_run_without_records(directory);
  const fs::path metrics = directory / kMetricsFile;
  if (is_there(metrics)) {
    for_each_json_line(metrics, [&](Json&& line, std::size_t number) {
      std::visit(Filing{run}, record_from(line, fmt::format("{}:{}", metrics.string(), number)));
    });
  }
  return run;
}

std::string RunRecords::status() const {
  if (!holder.empty()) return "running";
  if (end) return end->status;
  const auto said = summary.is_object() ? summary.find("status") : summary.end();
  // Records that were not read, or of an earlier version, which wrote none of the end.
  return begins.empty() && summary.is_object() && said != summary.end() && said->is_string() ? said->get<std::string>()
                                                                                             : "killed";
}

Step RunRecords::steps_done() const {
  if (!steps.empty()) return steps.back().step + 1;
  return begins.empty() ? 0 : begins.back().step;
}

Step RunRecords::total_steps() const {
  if (!environment.is_object()) return 0;
  const Json::json_pointer place("/setup/steps");
  const Json value = environment.value(place, Json());
  return value.is_number_integer() && value >= 0 ? value.get<Step>() : 0;
}

}  // namespace drift
