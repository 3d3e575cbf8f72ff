// A run directory as those see it who only look: reports, comparisons, lists of runs. A run that is still going is read
// up to its last whole line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/json_lines.h"
#include "train/config/config.h"
#include "train/runs/record_fields.h"

namespace drift {

struct RunRecords {
  std::filesystem::path path;
  TrainConfig config = {};
  std::string commands = {};                         // cmd.txt, a line per session
  Json environment = {}, branch = {}, summary = {};  // env.json, branch.json, summary.json; null where there is none
  std::string holder = {};                           // who is working on it; "": nobody
  std::vector<BeginRecord> begins = {};
  std::vector<StepRecord> steps = {};
  std::vector<RoundRecord> rounds = {};
  std::vector<EvalRecord> evaluations = {};
  std::vector<CheckpointRecord> checkpoints = {};
  std::optional<EndRecord> end = {};  // of the latest session

  // "finished", "stopped", "diverged", "failed"; "running"; "killed": its last session did not say how it ended.
  std::string status() const;
  Step total_steps() const;  // of the whole run; 0 where env.json does not say
  Step steps_done() const;
};

// Whether there is a run in it: a config.toml.
bool is_run(const std::filesystem::path& directory);

// Throws kUsage for what is no run directory, and what its files' readers throw.
RunRecords read_run(const std::filesystem::path& directory);
// All but the records: what it is of, and by its summary how it ended.
RunRecords read_run_without_records(const std::filesystem::path& directory);

}  // namespace drift
