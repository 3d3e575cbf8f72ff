// RunDirectory: what a run leaves behind. config.toml (resolved), cmd.txt, env.json, metrics.jsonl (one flat object per
// record, on the disk's side as soon as it is known), summary.json, ckpt/ and best/. A resumed run goes on in the same
// directory: its metrics beyond the resumed step are cut, so that they read like an uninterrupted run's, but for who
// worked on it when.
// While it lives nobody else can have it (directory_lock.h).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "core/atomic_file.h"
#include "core/json_lines.h"
#include "train/config/config.h"
#include "train/runs/directory_lock.h"
#include "train/runs/record_fields.h"
#include "train/runs/run_totals.h"

namespace drift {

constexpr const char* kMetricsFile = "metrics.jsonl";

// A file there by which the processes of a team tell that they see the same directory; gone before training begins.
constexpr const char* kProcessSign = ".process-0";

// runs/<YYYYMMDD-HHMMSS>-<name>, in local time; name: as given, or "<model>-<algorithm>".
std::filesystem::path default_run_directory(const TrainConfig& config);
// The run that a resume path belongs to: itself, or what holds the given ckpt, best or step directory; "" for a
// checkpoint that lies somewhere else.
std::filesystem::path run_directory_of(const std::filesystem::path& resume);

struct RunDescription {
  TrainConfig config;
  std::string command;                // as typed
  Json environment = Json::object();  // env.json: the machine, the build, what was decided at start
  Json branch = {};                   // of a new run: branch.json, what it branched off from; null: nothing
  Step first_step = 0;                // of a new run: steps done where it begins
};

class RunDirectory final : public MetricsSink {
 public:
  // A new run: `path` must not exist, be an empty directory, or hold a run of the same configuration that never came to
  // a checkpoint, which starts again (else kUsage, naming what is there). "" makes a new one of the default name.
  static std::unique_ptr<RunDirectory> create(const std::filesystem::path& path, const RunDescription& run);
  // Goes on with the run in `path` from `resumed_step` steps done; step records from there on and evaluations there or
  // later go. Step records that are missing before it are a warning.
  static std::unique_ptr<RunDirectory> reopen(const std::filesystem::path& path, const RunDescription& run,
                                              Step resumed_step);

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoints() const { return path_ / "ckpt"; }
  // Of best_evaluation(), with --keep-best.
  std::filesystem::path best() const { return path_ / "best"; }

  void step(const StepRecord& record) override;
  void evaluation(const EvalRecord& record) override;
  void round(const RoundRecord& ended) override { record(ended); }
  void checkpoint(const CheckpointRecord& written) { record(written); }

  std::optional<BestEvaluation> best_evaluation() const { return totals_.best_evaluation(); }

  // Returns when the records so far are on the disk.
  void make_durable() const { drift::make_durable(path_ / kMetricsFile); }

  // The record of the session's end and summary.json, over all sessions of the run. Returns what was written there.
  Json write_summary(const RunOutcome& outcome);

 private:
  RunDirectory(std::filesystem::path path, DirectoryLock lock, const RunDescription& run);
  void begin(Step step);
  void record(const Record& record);

  std::filesystem::path path_;
  DirectoryLock lock_;
  std::string command_;
  std::unique_ptr<JsonLines> metrics_;
  RunTotals totals_;
};

}  // namespace drift
