#include "train/runs/run_directory.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <optional>
#include <string_view>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/file_errors.h"
#include "core/host_name.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "core/text.h"
#include "train/config/toml.h"
#include "train/runs/profile_file.h"
#include "train/runs/record_fields.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

// What a run writes.
constexpr std::string_view kBranchFile = "branch.json";
constexpr std::array<std::string_view, 14> kOwnFiles = {
    "config.toml", "cmd.txt",      "env.json",        "metrics.jsonl",      "ckpt",
    "best",        "summary.json", kBranchFile,       DirectoryLock::kFile, kProcessSign,
    "report.html", "tb",           kProfileDirectory, "trace.json"};

// Of a file that an earlier run wrote there, if one did.
std::string old_text(const fs::path& path) {
  constexpr std::size_t kBytesMax = 64 << 20;
  return text_if_there(path, kBytesMax, ErrorKind::kCheckpoint).value_or("");
}

// Returns whether it is new.
bool make_directory(const fs::path& path) {
  std::error_code error;
  const bool made = make_directories(path, error);
  DRIFT_CHECK(kUsage, !error, "cannot make the run directory {}: {}", path.string(), error.message());
  return made;
}

// runs/X, or runs/X-2 and so on where others start runs of the same name in the same second.
fs::path make_default_directory(const TrainConfig& config) {
  const fs::path name = default_run_directory(config);
  fs::path path = name;
  for (int number = 2; !make_directory(path); ++number) path = fmt::format("{}-{}", name.string(), number);
  return path;
}

// One whose writer was killed is none.
bool has_checkpoints(const fs::path& ckpt) {
  return fs::exists(ckpt) &&
         std::ranges::any_of(fs::directory_iterator(ckpt), [](const auto& entry) { return !is_aside(entry.path()); });
}

// Throws unless a new run may begin in a directory that exists.
void check_free(const fs::path& path, const std::string& config) {
  const auto refuse = [&](std::string_view why) {
    DRIFT_FAIL(kUsage, "the run directory {} {}. Give another --out", path.string(), why);
  };
  bool has_run = false;
  for (const auto& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (is_aside(entry.path())) continue;
    if (std::ranges::find(kOwnFiles, name) == kOwnFiles.end()) {
      refuse(fmt::format("is not empty: there is {}", name));
    }
    has_run |= name != DirectoryLock::kFile;
  }
  if (!has_run) return;
  if (has_checkpoints(path / "ckpt") || has_checkpoints(path / "best")) {
    refuse(fmt::format("has a run in it: --resume {} goes on with it", shell_quoted(path.string())));
  }
  // Killed before its first checkpoint: the same command starts it again.
  if (old_text(path / "config.toml") != config) refuse("has a run of another configuration in it");
  log_info("the run in {} left no checkpoint: it starts again", path.string());
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().filename() != DirectoryLock::kFile) fs::remove_all(entry.path());
  }
}

void warn_of_gaps(const std::vector<Json>& lines, Step resumed_step, const fs::path& metrics) {
  std::optional<Step> expected;  // a run may have begun elsewhere
  const auto missing = [&](Step first, Step end) {
    log_warning("{} has no records of steps {} to {}: they stay missing, and sums are without them", metrics.string(),
                first, end - 1);
  };
  for (const Json& line : lines) {
    if (line.at("kind") != "step") continue;
    const Step step = line.at("step").get<Step>();
    if (expected && step != *expected) missing(*expected, step);
    expected = step + 1;
  }
  if (expected.value_or(0) < resumed_step) missing(expected.value_or(0), resumed_step);
}

std::string algorithm_name(const TrainConfig& config) {
  return *find_option("algo")->get(config);
}

// Whether a run that goes on with so many steps done still has it: what is done again is recorded again.
bool stays(const Record& record, Step resumed_step) {
  const bool is_done_again = std::holds_alternative<StepRecord>(record) ||
                             std::holds_alternative<RoundRecord>(record) || std::holds_alternative<EvalRecord>(record);
  return step_of(record) < resumed_step + (is_done_again ? 0 : 1);
}

std::vector<Json> lines_before(const fs::path& metrics, Step resumed_step) {
  const bool there = with_file_errors(ErrorKind::kData, [&] { return fs::exists(metrics); });
  std::vector<Json> lines = there ? read_json_lines(metrics) : std::vector<Json>();
  std::size_t number = 0;
  std::erase_if(lines, [&](const Json& line) {
    return !stays(record_from(line, fmt::format("{}:{}", metrics.string(), ++number)), resumed_step);
  });
  return lines;
}

}  // namespace

fs::path default_run_directory(const TrainConfig& config) {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  const std::string name =
      config.files.name.empty() ? config.model.name + "-" + algorithm_name(config) : config.files.name;
  return fs::path("runs") / fmt::format("{}-{}", stamp, name);
}

fs::path run_directory_of(const fs::path& resume) {
  const fs::path path = (resume / "").lexically_normal().parent_path();  // without a slash at the end
  const bool is_run = with_file_errors(
      ErrorKind::kCheckpoint, [&] { return fs::is_directory(path / "ckpt") || fs::is_directory(path / "best"); });
  if (is_run) return path;
  const auto is_ckpt = [](const fs::path& p) { return p.filename() == "ckpt" || p.filename() == "best"; };
  if (is_ckpt(path)) return path.parent_path().empty() ? "." : path.parent_path();
  if (is_ckpt(path.parent_path()))
    return path.parent_path().parent_path().empty() ? "." : path.parent_path().parent_path();
  return {};
}

RunDirectory::RunDirectory(fs::path path, DirectoryLock lock, const RunDescription& run)
    : path_(std::move(path)), lock_(std::move(lock)), command_(run.command), totals_(run.config.sync.global_batch()) {
  write_file_atomically(path_ / "config.toml", config_to_toml(run.config));
  write_file_atomically(path_ / "env.json", run.environment.dump(2) + "\n");
}

std::unique_ptr<RunDirectory> RunDirectory::create(const fs::path& asked, const RunDescription& description) {
  const fs::path path = asked.empty() ? make_default_directory(description.config) : asked;
  if (!asked.empty()) make_directory(path);
  DirectoryLock lock(path);
  with_file_errors(ErrorKind::kUsage, [&] { check_free(path, config_to_toml(description.config)); });
  std::unique_ptr<RunDirectory> run(new RunDirectory(path, std::move(lock), description));
  write_file_atomically(path / "cmd.txt", description.command + "\n");
  if (!description.branch.is_null()) write_file_atomically(path / kBranchFile, description.branch.dump(2) + "\n");
  run->metrics_ = std::make_unique<JsonLines>(path / kMetricsFile);
  run->begin(description.first_step);
  return run;
}

std::unique_ptr<RunDirectory> RunDirectory::reopen(const fs::path& path, const RunDescription& description,
                                                   Step resumed_step) {
  make_directory(path);
  DirectoryLock lock(path);
  std::string kept;
  const fs::path metrics = path / kMetricsFile;
  RunTotals totals(description.config.sync.global_batch());
  const std::vector<Json> lines = lines_before(metrics, resumed_step);
  warn_of_gaps(lines, resumed_step, metrics);
  for (const Json& line : lines) {
    totals.add(line);
    kept += line.dump() + "\n";
  }
  std::unique_ptr<RunDirectory> run(new RunDirectory(path, std::move(lock), description));
  run->totals_ = std::move(totals);
  write_file_atomically(metrics, kept);
  run->metrics_ = std::make_unique<JsonLines>(path / kMetricsFile);
  write_file_atomically(path / "cmd.txt", old_text(path / "cmd.txt") + description.command + "\n");
  run->begin(resumed_step);
  return run;
}

void RunDirectory::begin(Step step) {
  record(BeginRecord{.step = step, .time = utc_time(), .host = host_name()});
}

void RunDirectory::step(const StepRecord& done) {
  record(done);
}

void RunDirectory::evaluation(const EvalRecord& done) {
  record(done);
}

void RunDirectory::record(const Record& record) {
  const Json line = to_json(record);
  metrics_->write(line);
  totals_.add(line);
}

Json RunDirectory::write_summary(const RunOutcome& outcome) {
  const Json summary = totals_.summary(outcome, command_);
  write_file_atomically(path_ / "summary.json", summary.dump(2) + "\n");
  record(EndRecord{.step = totals_.steps(), .time = utc_time(), .status = outcome.status});
  return summary;
}

}  // namespace drift
