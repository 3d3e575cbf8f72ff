// bench_sync: what synchronising costs a run. Trains on the processes of an MPI job, a worker and a thread each, with
// gradients averaged at every step (H = 1) and with parameters averaged every H steps, after backward and while it goes
// on, beside steps that never communicate; prints images/s and the seconds that averages are waited for. Before it
// times anything it checks that the team's workers have the bits of one process. Run it by `mpirun -n 2 bench_sync`;
// the same work in PyTorch: bench/peers/compare_sync.py.
#include <CLI/CLI.hpp>
#include <atomic>
#include <fmt/core.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "bench/common/measure.h"
#include "bench/common/program.h"
#include "comm/job.h"
#include "comm/link.h"
#include "comm/mpi.h"
#include "data/open_data.h"
#include "train/trainer.h"

namespace drift::bench {
namespace {

struct Options {
  std::vector<std::string> models = {"resnet20", "resnet56"};
  std::vector<int> periods = {1, 4, 16};
  std::vector<double> buckets = {0};
  int batch = 32, steps = 16, samples = 9;
  std::string link, json;
};

constexpr int kNever = 0;  // the period of steps that never communicate

class Seconds final : public MetricsSink {
 public:
  void step(const StepRecord& record) override { comm += record.times.comm_seconds; }
  void evaluation(const EvalRecord&) override {}
  double comm = 0;
};

// What is timed in turn with others.
struct Variant {
  int period;
  bool overlap;
  double bucket = 0;  // --bucket-mb

  std::string period_text() const { return period == kNever ? "never" : std::to_string(period); }
  std::string overlap_text() const {
    return period == kNever ? "" : !overlap ? "off" : bucket == 0 ? "on" : fmt::format("{} MB", bucket);
  }
};

TrainConfig config_of(const Options& options, const std::string& model, int workers, const Variant& variant) {
  const int period = variant.period;
  TrainConfig config;
  config.processes.overlap = variant.overlap;
  config.processes.bucket_megabytes = variant.bucket;
  config.model = {.name = model};
  config.sync.workers = workers;
  config.sync.local_batch = options.batch;
  config.sync.algorithm = period == 1 ? Algorithm::kSgd : Algorithm::kLocal;
  config.sync.periods = {period == kNever ? Step{1} << 40 : Step{period}};
  config.lr.lr = 0.01;
  config.optimizer = {.momentum = 0.9, .nesterov = false, .weight_decay = 5e-4, .decay_norm_and_bias = false};
  config.length.steps = 1 << 16;
  config.length.steps_per_epoch = 1 << 16;
  config.data.sampling = Sampling::kWithReplacement;
  config.data.augmentation = Augmentation::kNone;
  config.machine.device = "cpu";
  config.machine.threads = 1;
  return config;
}

// Each has a control channel of its own.
struct Run {
  Run(const TrainConfig& config, const DataSource& data, const std::shared_ptr<Transport>& transport,
      const Variant& which)
      : variant(which), job(join_job(transport, {})), trainer(config, data, job.team_of(config.sync.workers)) {}

  void go(Step steps) { trainer.run(trainer.step() + steps, sink, never); }

  Variant variant;
  Job job;
  Trainer trainer;
  Seconds sink;
  Sample sample;
  std::atomic<bool> never = false;
};

// Process 0 trains all workers itself and compares its own.
void check(const TrainConfig& config, const DataSource& data, Run& run) {
  run.go(4);
  if (run.job.process != 0) return;
  Trainer alone(config, data);
  Seconds ignored;
  alone.run(4, ignored, run.never);
  DRIFT_CHECK(kTolerance, alone.checkpoint().workers[0] == run.trainer.checkpoint().workers[0],
              "{} with H = {}, overlap {}: worker 0 has other bits in {} processes than in one", config.model.name,
              run.variant.period_text(), run.variant.overlap_text(), run.job.processes);
}

nlohmann::json measure_model(const Options& options, const std::string& model, const DataSource& data,
                             const std::shared_ptr<Transport>& transport) {
  const int processes = transport->processes();
  std::vector<Variant> variants;
  for (const int period : options.periods) {
    variants.push_back({period, false});
    for (const double bucket : options.buckets) variants.push_back({period, true, bucket});
  }
  variants.push_back({kNever, false});
  std::vector<std::unique_ptr<Run>> runs;
  for (const Variant& variant : variants) {
    const TrainConfig config = config_of(options, model, processes, variant);
    runs.push_back(std::make_unique<Run>(config, data, transport, variant));
    check(config, data, *runs.back());
    runs.back()->go(options.steps);  // warm
    runs.back()->sink.comm = 0;
  }
  for (int i = 0; i < options.samples; ++i) {
    for (const auto& run : runs) {
      transport->barrier();
      const double start = steady_clock().seconds();
      run->go(options.steps);
      run->sample.seconds.push_back(steady_clock().seconds() - start);
    }
  }
  nlohmann::json rows = nlohmann::json::array();
  for (const auto& run : runs) run->sample.sort();
  const double local = runs.back()->sample.median();
  for (const auto& run : runs) {
    const double seconds = run->sample.median() / options.steps;
    const double comm = run->sink.comm / (options.samples * options.steps);
    const double rate = processes * options.batch / seconds;
    rows.push_back({{"model", model},
                    {"H", run->variant.period},
                    {"overlap", run->variant.overlap},
                    {"bucket_mb", run->variant.bucket},
                    {"images_per_second", rate},
                    {"seconds", seconds},
                    {"comm_seconds", comm}});
    if (transport->process() != 0) continue;
    fmt::print("| {} | {} | {} | {:.1f} | {:.2f} | {:.2f} | {:.3f} |\n", model, run->variant.period_text(),
               run->variant.overlap_text(), rate, 1e3 * seconds, 1e3 * comm, run->sample.median() / local);
  }
  return rows;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Times synchronised and local steps of several processes. Start it by mpirun."};
  app.add_option("--models", options.models, "networks")->capture_default_str();
  app.add_option("--periods", options.periods, "values of H; 1: gradients at every step")->capture_default_str();
  app.add_option("--bucket-mb", options.buckets, "of averages while backward goes on; 0: the default")
      ->capture_default_str();
  app.add_option("--batch", options.batch, "images of each worker and step")->capture_default_str();
  app.add_option("--steps", options.steps, "steps of a sample; the periods must divide it")->capture_default_str();
  app.add_option("--samples", options.samples, "of each period, taken in turn")->capture_default_str();
  app.add_option("--link", options.link, "an emulated network between them: 1Gbit,50us; none without it");
  app.add_option("--json", options.json, "also write the figures to this file");
  CLI11_PARSE(app, argc, argv);
  for (const int period : options.periods) {
    DRIFT_CHECK(kUsage, period > 0 && options.steps % period == 0, "--steps {} is no multiple of H = {}", options.steps,
                period);
  }

  std::shared_ptr<Transport> transport = make_mpi_transport();
  if (!options.link.empty()) {
    const std::optional<LinkOptions> link = parse_link(options.link);
    DRIFT_CHECK(kUsage, link, "--link '{}': a rate and a latency such as 10Gbit,50us", options.link);
    transport = behind_link(transport, *link);
  }
  const DataSource data = open_data("shapes:2048:16", /*seed=*/1);
  if (transport->process() == 0) {
    fmt::print("{} processes, a worker and a thread each, B_loc {}, {}\n\n", transport->processes(), options.batch,
               options.link.empty() ? "over MPI" : "over an emulated link of " + options.link);
    fmt::print("| model | H | overlap | images/s | step, ms | of it waiting for averages, ms | local steps = 1 |\n");
    fmt::print("|---|---:|---|---:|---:|---:|---:|\n");
  }
  nlohmann::json rows = nlohmann::json::array();
  for (const std::string& model : options.models) {
    for (const nlohmann::json& row : measure_model(options, model, data, transport)) rows.push_back(row);
  }
  if (transport->process() == 0 && !options.json.empty()) {
    write_json(
        options.json,
        {{"processes", transport->processes()}, {"batch", options.batch}, {"link", options.link}, {"rows", rows}});
  }
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_sync", [&] { return drift::bench::main(argc, argv); });
}
