#include "comm/team.h"

#include <string>
#include <vector>

#include "core/check.h"
#include "core/text.h"

namespace drift {

void check(const Team& team) {
  DRIFT_CHECK(kConfig, team.workers >= 1, "--workers must be at least 1, got {}", team.workers);
  DRIFT_ASSERT(team.processes >= 1 && team.process >= 0 && team.process < team.processes, "process {} of {}",
               team.process, team.processes);
  if (team.workers % team.processes == 0) return;
  std::vector<std::string> fitting;
  for (int processes = 1; processes <= team.workers; ++processes) {
    if (team.workers % processes == 0) fitting.push_back(std::to_string(processes));
  }
  const int below = team.workers / team.processes * team.processes;
  DRIFT_FAIL(kConfig,
             "{} workers cannot be shared evenly by {} processes. Start {} processes, or ask for --workers {}{}",
             team.workers, team.processes, joined(fitting, ", "), below > 0 ? fmt::format("{} or ", below) : "",
             below + team.processes);
}

}  // namespace drift
