#include "apps/profiling.h"

#include <algorithm>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/host_name.h"
#include "core/text.h"
#include "train/machine_rates.h"

namespace drift {

namespace fs = std::filesystem;

Profiling::Profiling(const TrainConfig& config, const Job& job, const fs::path& directory, Trainer& trainer)
    : run_(directory),
      lanes_per_worker_(std::min(1.0, static_cast<double>(trainer.layout().lanes * job.processes) /
                                          static_cast<double>(config.sync.workers))) {
  if (!config.machine.profiles()) return;
  const fs::path path = profile_path(directory, job.process);
  if (job.process == 0) make_directories(path.parent_path());
  const std::string known = job.process == 0 ? std::to_string(sessions_in(path)) : "";
  const std::string said =
      job.processes > 1 ? job.control->gather("number of the profile's session", known).front() : known;
  const std::optional<std::int64_t> number = parse_integer(said);
  DRIFT_CHECK(kComm, number, "process 0 says that the profile has '{}' sessions", said);
  const ThreadLayout& layout = trainer.layout();
  const Device device = trainer.device();
  file_.emplace(path, ProfileSession{.number = *number,
                                     .process = job.process,
                                     .processes = job.processes,
                                     .first_step = trainer.step(),
                                     .time = utc_time(),
                                     .host = host_name(),
                                     .device = describe_device(device),
                                     .model = config.model.name,
                                     .workers = config.sync.workers,
                                     .local_batch = config.sync.local_batch,
                                     .every = config.machine.profiled_rounds(device.type),
                                     .worker_threads = layout.threads_per_worker,
                                     .workers_at_once = layout.lanes,
                                     .rates = measure_rates(device, layout.threads_per_worker, config.machine)});
  trainer.profile_into(*file_);
}

std::string Profiling::end() {
  if (!file_) return "";
  file_->write_end();
  const ProfileCost cost = file_->cost();
  // Workers that wait for a lane do so in steps of their own: only lanes have time to lose.
  return fmt::format("recorded {} of {} steps in {:.2f} % of their time: drift profile {}", cost.recorded, cost.steps,
                     100 * cost.share() / lanes_per_worker_, shell_quoted(run_.string()));
}

}  // namespace drift
