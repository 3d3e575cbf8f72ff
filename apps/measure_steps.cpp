#include "apps/measure_steps.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <vector>

#include "analysis/predict/measure.h"
#include "apps/profiling.h"
#include "apps/signals.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/host_name.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "data/open_data.h"
#include "train/step/buckets.h"
#include "train/trainer.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

constexpr Step kSynchronous = 16, kPeriod = 4;
constexpr Step kChunk = 8;  // steps of one way before the next one's turn: what disturbs, disturbs all
constexpr int kLeastChunks = 3, kMostChunks = 24;

class NoMetrics final : public MetricsSink {
 public:
  void step(const StepRecord&) override {}
  void evaluation(const EvalRecord&) override {}
};

// Synchronous steps, then rounds. Their averages: beside backward in buckets of that size, or behind it.
TrainConfig measured_config(TrainConfig config, bool overlap, double bucket_megabytes) {
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_epoch.reset();
  config.sync.switch_step = kSynchronous;
  config.sync.periods = {kPeriod};
  config.sync.qsr_alpha = 0;
  config.length.steps = kSynchronous + kChunk * kMostChunks;
  config.machine.profile_every = 1;
  config.processes.overlap = overlap;
  config.processes.bucket_megabytes = bucket_megabytes;
  return config;
}

// A way to average, with a control channel of its own.
struct Way {
  Way(const TrainConfig& c, const DataSource& data, const Job& all, const fs::path& where)
      : config(c),
        directory(where),
        job(all.processes == 1 ? lone_job()
                               : join_job(all.transport, {.timeout_seconds = c.processes.timeout_seconds})),
        trainer(config, data, job.team_of(config.sync.workers)),
        profiling(config, job, directory, trainer) {}

  void go(Step steps) {
    NoMetrics ignored;
    trainer.run(trainer.step() + steps, ignored, stop_requested());
    DRIFT_CHECK(kStopped, !trainer.stopped(), "stopped while steps were measured");
  }

  TrainConfig config;
  fs::path directory;
  Job job;
  Trainer trainer;
  Profiling profiling;
};

bool all_go_on(const Job& job, bool mine) {
  return job.control->gather("whether more steps are measured", mine ? "yes" : "no").front() == "yes";
}

std::string origin_text(const Job& job) {
  std::vector<std::string> hosts = job.hosts.empty() ? std::vector{host_name()} : job.hosts;
  std::ranges::sort(hosts);
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return fmt::format("{} process{} on {}, {}", job.processes, job.processes == 1 ? "" : "es", a_few(hosts, 4),
                     utc_time());
}

}  // namespace

std::optional<StepMeasurement> measure_steps(const TrainConfig& config, const Job& job,
                                             const MeasuringOptions& options) {
  const DataSource data = open_data(config.data, config.seed);
  constexpr double kWhole = 1e6;  // MB: one bucket
  const auto way = [&](bool overlap, double megabytes, const char* name) {
    return std::make_unique<Way>(measured_config(config, overlap, megabytes), data, job, options.directory / name);
  };
  const std::array ways = {way(true, 0, "small-buckets"), way(true, kWhole, "large-buckets"), way(false, 0, "behind")};
  const Stopwatch watch;
  for (Step done = 0; done < kSynchronous; done += kChunk) {
    for (const auto& one : ways) one->go(kChunk);
  }
  for (int chunk = 0; chunk < kMostChunks; ++chunk) {
    if (!all_go_on(job, chunk < kLeastChunks || watch.seconds() < options.seconds)) break;
    for (const auto& one : ways) one->go(kChunk);
  }
  for (const auto& one : ways) (void)one->profiling.end();
  all_go_on(job, true);  // all files are written
  if (job.process != 0) return std::nullopt;
  const std::int64_t floats = std::ssize(ways[0]->trainer.model(0).parameters.values());
  return measure({.small_buckets = read_profile(ways[0]->directory),
                  .large_buckets = read_profile(ways[1]->directory),
                  .behind = read_profile(ways[2]->directory),
                  .small_bytes = bucket_bytes(0, floats),
                  .large_bytes = bucket_bytes(kWhole, floats),
                  .link = options.link},
                 ways[0]->trainer.model(0).parameters, origin_text(job));
}

}  // namespace drift
