// Profile: what all processes of a run recorded with --profile, read together: the steps of all workers, each once,
// with operations that have one number whichever process saw them.
#pragma once

#include <filesystem>
#include <vector>

#include "train/runs/profile_file.h"

namespace drift {

struct Profile {
  struct RecordedStep {
    ProfiledStep of;          // its operations are numbers of `ops`
    int process = 0;          // whose clock it was
    std::size_t session = 0;  // of `sessions`
  };

  std::vector<ProfileSession> sessions;  // of process 0, by number
  std::vector<ProfiledOp> ops;
  std::vector<ProfiledKernel> kernels;  // of all sessions; their operations are numbers of `ops`
  std::vector<RecordedStep> steps;      // by step, then worker; each of all workers or of none
  ProfileCost cost;                     // of the sessions that came to their end

  const ProfileSession& latest() const { return sessions.back(); }
};

bool has_profile(const std::filesystem::path& run);

// Of sessions that did the same step the last one counts. Steps that not all workers recorded, as when a run was
// killed, are left out. Throws kUsage where there is no profile, kData for what is none, naming file and line.
Profile read_profile(const std::filesystem::path& run);

}  // namespace drift
