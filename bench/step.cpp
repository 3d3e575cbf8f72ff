// bench_step: images/s of one training step (augment, forward, backward, SGD) and where the time goes, beside the floor
// of bench/common/op_floor.h. The result is checked before anything is timed; a failed check exits 9.
#include <CLI/CLI.hpp>
#include <cmath>
#include <fmt/core.h>
#include <functional>
#include <map>
#include <string>

#include "bench/common/op_floor.h"
#include "bench/common/peaks.h"
#include "bench/common/program.h"
#include "bench/common/step_report.h"
#include "bench/common/training_step.h"
#include "core/build_info.h"
#include "core/check.h"
#include "kernels/observed/op_timer.h"

namespace drift::bench {
namespace {

struct Options {
  std::string model = "resnet56", json;
  std::vector<std::string> precisions{"fp32", "bf16"};
  std::int64_t batch = 128, classes = 10;
  int threads = 2, samples = 15, megabytes = 256;
  bool direct = false;

  ConvolutionChoice convolutions() const { return direct ? ConvolutionChoice::kDirect : ConvolutionChoice::kAuto; }
  StepOptions step(DType precision) const {
    return {{.name = model, .classes = classes}, batch, precision, threads, convolutions()};
  }
};

// Adds up the floors of what passes, by name of operation.
class FloorSum final : public ForwardingBackend {
 public:
  FloorSum(Backend& inner, std::function<double(const Op&)> floor)
      : ForwardingBackend(inner), floor_(std::move(floor)) {}

  void run(const Op& op) override {
    seconds_[std::string(name_of(op))] += floor_(op);
    ForwardingBackend::run(op);
  }
  const std::map<std::string, double>& seconds() const { return seconds_; }

 private:
  std::function<double(const Op&)> floor_;
  std::map<std::string, double> seconds_;
};

// The loss starts near that of a uniform guess, falls on a batch seen again and again, and is the same with and without
// the timers.
void check(const Options& options, DType precision) {
  TrainingStep plain(options.step(precision));
  TrainingStep wrapped(options.step(precision));
  OpTimer timed(wrapped.backend());
  constexpr int kSteps = 3;
  double first = 0, last = 0;
  for (int step = 0; step < kSteps; ++step) {
    last = plain.run(plain.backend());
    if (step == 0) first = last;
    const double again = wrapped.run(timed);
    DRIFT_CHECK(kTolerance, last == again, "step {}: loss {} with timers, {} without", step, again, last);
  }
  const double guess = std::log(static_cast<double>(options.classes));
  DRIFT_CHECK(kTolerance, std::abs(first - guess) < 0.7, "the first loss should be near ln {} = {:.2f}, it is {}",
              options.classes, guess, first);
  DRIFT_CHECK(kTolerance, last < first, "{} steps on one batch should lower the loss: {} -> {}", kSteps, first, last);
}

// Steps without timers, then steps with timers.
StepReport run(const Options& options, DType precision, const MachinePeaks& peaks) {
  check(options, precision);
  TrainingStep step(options.step(precision));
  StepReport report;
  report.model = options.model;
  report.precision = precision;
  report.batch = options.batch;
  report.threads = options.threads;
  report.convolutions = options.convolutions();
  report.steps = measure(2, options.samples, [&] { step.run(step.backend()); });

  OpTimer timed(step.backend());
  FloorSum floors(timed, [&](const Op& op) { return floor_seconds(op, precision, options.convolutions(), peaks); });
  const int timed_steps = std::max(3, options.samples / 3);
  for (int i = 0; i < timed_steps; ++i) step.run(floors);
  for (const auto& [name, time] : timed.op_times()) {
    report.ops.push_back({.name = name,
                          .calls = time.calls / timed_steps,
                          .seconds = 1e-3 * time.milliseconds / timed_steps,
                          .bytes = static_cast<double>(time.cost.bytes) / timed_steps,
                          .flops = static_cast<double>(time.cost.flops()) / timed_steps,
                          .floor_seconds = floors.seconds().at(name) / timed_steps});
  }
  report.activation_bytes = step.peak_bytes();
  return report;
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Times one training step and compares it with its floor."};
  app.add_option("--model", options.model, "network")->capture_default_str();
  app.add_option("--classes", options.classes, "of the network")->capture_default_str();
  app.add_option("--batch", options.batch, "local batch")->capture_default_str();
  app.add_option("--threads", options.threads, "CPU threads")->capture_default_str();
  app.add_option("--samples", options.samples, "steps timed")->capture_default_str();
  app.add_option("--precision", options.precisions, "fp32, bf16 or both")->delimiter(',')->capture_default_str();
  app.add_option("--bandwidth-megabytes", options.megabytes, "size of the arrays that bandwidth is measured on")
      ->capture_default_str();
  app.add_flag("--direct", options.direct, "leave all convolutions to oneDNN");
  app.add_option("--json", options.json, "also write the figures to this file");
  CLI11_PARSE(app, argc, argv);

  const MachinePeaks peaks = {measured_bandwidth(options.threads, options.megabytes),
                              measured_peak_flops(options.threads, DType::kFloat32),
                              cpu_features().bf16 ? measured_peak_flops(options.threads, DType::kBFloat16) : 0};
  fmt::print("{} | oneDNN {} | measured: {:.1f} GB/s, {:.0f} GFLOP/s fp32, {:.0f} GFLOP/s bf16\n", cpu_features().model,
             build_info().onednn, 1e-9 * peaks.bandwidth, 1e-9 * peaks.fp32_flops, 1e-9 * peaks.bf16_flops);
  nlohmann::json report = {{"cpu", cpu_features().model},
                           {"onednn", build_info().onednn},
                           {"bandwidth_bytes_per_second", peaks.bandwidth},
                           {"peak_flops_per_second", {{"fp32", peaks.fp32_flops}, {"bf16", peaks.bf16_flops}}}};
  for (const std::string& precision : options.precisions) {
    const bool bf16 = precision == "bf16";
    DRIFT_CHECK(kUsage, bf16 || precision == "fp32", "--precision is fp32 or bf16, not '{}'", precision);
    if (bf16 && !cpu_features().bf16) {
      fmt::print("\nbf16 left out: this CPU has no bf16 instructions\n");
      continue;
    }
    const StepReport step = run(options, bf16 ? DType::kBFloat16 : DType::kFloat32, peaks);
    print(step);
    report["steps"].push_back(to_json(step));
  }
  if (!options.json.empty()) write_json(options.json, report);
  return 0;
}

}  // namespace
}  // namespace drift::bench

int main(int argc, char** argv) {
  return drift::bench::run_program("bench_step", [&] { return drift::bench::main(argc, argv); });
}
