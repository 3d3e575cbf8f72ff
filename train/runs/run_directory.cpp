#include "train/runs/run_directory.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "core/text.h"
#include "train/config/toml.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

// What a run writes.
constexpr std::string_view kBranchFile = "branch.json";
constexpr std::array<std::string_view, 10> kOwnFiles = {
    "config.toml", "cmd.txt",      "env.json",  "metrics.jsonl",      "ckpt",
    "best",        "summary.json", kBranchFile, DirectoryLock::kFile, kProcessSign};

// Of a file that an earlier run wrote there, if one did.
std::string old_text(const fs::path& path) {
  constexpr std::size_t kBytesMax = 64 << 20;
  return text_if_there(path, kBytesMax, ErrorKind::kCheckpoint).value_or("");
}

double per_second(std::int64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
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

// Throws kData unless the line has what is used of one that was written.
void check_record(const fs::path& metrics, std::size_t number, const Json& line) {
  using Keys = std::initializer_list<const char*>;
  constexpr std::int64_t kMost = std::int64_t{1} << 53;  // sums are numbers, too
  const auto is_count = [](const Json& value) { return value.is_number_integer() && value >= 0 && value <= kMost; };
  const auto is_measured = [](const Json& value) { return value.is_number() || value.is_null(); };  // null: not finite
  const auto require = [&](Keys keys, const auto& is_right, std::string_view what) {
    for (const char* key : keys) {
      DRIFT_CHECK(kData, line.contains(key) && is_right(line[key]), "{}:{}: no record of a run: '{}' must be {}",
                  metrics.string(), number, key, what);
    }
  };
  const auto is_kind = [](const Json& value) { return value == "step" || value == "eval"; };
  require({"kind"}, is_kind, "step or eval");
  const bool is_evaluation = line["kind"] == "eval";
  require(is_evaluation ? Keys{"step", "correct", "total"} : Keys{"step", "samples", "bytes"}, is_count, "a count");
  require(is_evaluation ? Keys{"top1", "t_eval"} : Keys{"epoch", "t_step"}, std::mem_fn(&Json::is_number), "a number");
  require({"loss"}, is_measured, "a number or null");
}

// Lines of the steps before `step`, and of the evaluations before it was reached.
std::vector<Json> lines_before(const fs::path& metrics, Step step) {
  const bool there = with_file_errors(ErrorKind::kData, [&] { return fs::exists(metrics); });
  std::vector<Json> lines = there ? read_json_lines(metrics) : std::vector<Json>();
  for (std::size_t i = 0; i < lines.size(); ++i) check_record(metrics, i + 1, lines[i]);
  std::erase_if(lines, [step](const Json& line) { return line.at("step").get<Step>() >= step; });
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
    : path_(std::move(path)),
      lock_(std::move(lock)),
      command_(run.command),
      global_batch_(run.config.sync.global_batch()) {
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
  return run;
}

std::unique_ptr<RunDirectory> RunDirectory::reopen(const fs::path& path, const RunDescription& description,
                                                   Step resumed_step) {
  make_directory(path);
  DirectoryLock lock(path);
  std::string kept;
  const fs::path metrics = path / kMetricsFile;
  Totals totals;
  const std::vector<Json> lines = lines_before(metrics, resumed_step);
  warn_of_gaps(lines, resumed_step, metrics);
  for (const Json& line : lines) {
    totals.add(line, description.config.sync.global_batch());
    kept += line.dump() + "\n";
  }
  std::unique_ptr<RunDirectory> run(new RunDirectory(path, std::move(lock), description));
  run->totals_ = std::move(totals);
  write_file_atomically(metrics, kept);
  run->metrics_ = std::make_unique<JsonLines>(path / kMetricsFile);
  write_file_atomically(path / "cmd.txt", old_text(path / "cmd.txt") + description.command + "\n");
  return run;
}

void RunDirectory::step(const StepRecord& r) {
  record({{"kind", "step"},
          {"step", r.step},
          {"epoch", r.epoch},
          {"samples", r.samples},
          {"round", r.round},
          {"H", r.period},
          {"lr", r.lr},
          {"loss", r.loss},
          {"top1", r.top1},
          {"sync", name_of(r.sync)},
          {"img_s", per_second(global_batch_, r.seconds)},
          {"t_step", r.seconds},
          {"t_compute", r.times.compute_seconds()},
          {"t_data", r.times.data_seconds},
          {"t_fwd", r.times.forward_seconds},
          {"t_bwd", r.times.backward_seconds},
          {"t_opt", r.times.update_seconds},
          {"t_comm", r.times.comm_seconds},
          {"bytes", r.bytes}});
}

void RunDirectory::evaluation(const EvalRecord& r) {
  Json line = {{"kind", "eval"},  {"step", r.step},       {"epoch", r.epoch}, {"loss", r.loss},
               {"top1", r.top1},  {"correct", r.correct}, {"top5", r.top5},   {"correct_top5", r.correct_top5},
               {"total", r.total}};
  if (const auto& held_out = r.validation) {
    line["val_loss"] = held_out->loss;
    line["val_top1"] = held_out->top1;
    line["val_correct"] = held_out->correct;
    line["val_top5"] = held_out->top5;
    line["val_correct_top5"] = held_out->correct_top5;
    line["val_total"] = held_out->total;
  }
  line["t_eval"] = r.seconds;
  record(line);
}

void RunDirectory::record(const Json& line) {
  metrics_->write(line);
  totals_.add(line, global_batch_);
}

void RunDirectory::Totals::add(const Json& line, std::int64_t global_batch) {
  if (line.at("kind") == "eval") {
    last_evaluation = line;
    const Json& best = best_evaluation;
    const auto accuracy = [](const Json& evaluation) { return evaluation.at("val_top1").get<double>(); };
    if (line.contains("val_top1") && (best.is_null() || accuracy(line) > accuracy(best))) best_evaluation = line;
    eval_seconds += line.at("t_eval").get<double>();
    return;
  }
  steps = line.at("step").get<Step>() + 1;
  epoch = line.at("epoch").get<double>();
  samples = line.at("samples").get<std::int64_t>();
  timed_samples += global_batch;
  bytes += line.at("bytes").get<std::int64_t>();
  train_seconds += line.at("t_step").get<double>();
  loss = line.at("loss");
}

std::optional<BestEvaluation> RunDirectory::best_evaluation() const {
  const Json& best = totals_.best_evaluation;
  if (best.is_null()) return std::nullopt;
  return BestEvaluation{.step = best.at("step").get<Step>(), .val_top1 = best.at("val_top1").get<double>()};
}

Json RunDirectory::write_summary(const RunOutcome& outcome) {
  const auto field = [](const Json& object, const char* key) {
    return object.is_null() ? Json() : object.value(key, Json());
  };
  const Totals& t = totals_;
  const Json summary = {{"status", outcome.status},
                        {"message", outcome.message},
                        {"top1", field(t.last_evaluation, "top1")},
                        {"correct", field(t.last_evaluation, "correct")},
                        {"top5", field(t.last_evaluation, "top5")},
                        {"correct_top5", field(t.last_evaluation, "correct_top5")},
                        {"total", field(t.last_evaluation, "total")},
                        {"loss", field(t.last_evaluation, "loss")},
                        {"eval_step", field(t.last_evaluation, "step")},
                        {"val_top1", field(t.last_evaluation, "val_top1")},
                        {"val_correct", field(t.last_evaluation, "val_correct")},
                        {"val_top5", field(t.last_evaluation, "val_top5")},
                        {"val_correct_top5", field(t.last_evaluation, "val_correct_top5")},
                        {"val_total", field(t.last_evaluation, "val_total")},
                        {"val_loss", field(t.last_evaluation, "val_loss")},
                        {"best_step", field(t.best_evaluation, "step")},
                        {"best_val_top1", field(t.best_evaluation, "val_top1")},
                        {"best_val_top5", field(t.best_evaluation, "val_top5")},
                        {"best_test_top1", field(t.best_evaluation, "top1")},
                        {"best_test_top5", field(t.best_evaluation, "top5")},
                        {"train_loss", t.loss},
                        {"steps", t.steps},
                        {"epochs", t.epoch},
                        {"samples", t.samples},
                        {"img_s", per_second(t.timed_samples, t.train_seconds)},
                        {"bytes", t.bytes},
                        {"train_seconds", t.train_seconds},
                        {"eval_seconds", t.eval_seconds},
                        {"sync_scope", outcome.sync_scope},
                        {"command", command_}};
  write_file_atomically(path_ / "summary.json", summary.dump(2) + "\n");
  return summary;
}

}  // namespace drift
