// Profiling: the session of a run as --profile records it, from the file of this process to what it says at the end.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "comm/job.h"
#include "train/runs/profile_file.h"
#include "train/trainer.h"

namespace drift {

class Profiling {
 public:
  // Nothing happens without --profile. directory: the run's, which all processes see; all of them do this. Measures
  // what the machine can do, and makes `trainer` record.
  Profiling(const TrainConfig& config, const Job& job, const std::filesystem::path& directory, Trainer& trainer);

  // After the last step: what recording cost, and what to do with it; "" without --profile.
  std::string end();

 private:
  std::filesystem::path run_;
  double lanes_per_worker_;
  std::optional<ProfileFile> file_;
};

}  // namespace drift
