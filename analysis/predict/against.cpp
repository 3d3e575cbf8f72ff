#include "analysis/predict/against.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "analysis/ledger/ledger.h"
#include "analysis/predict/predictions.h"
#include "analysis/statistics.h"
#include "core/check.h"
#include "core/text_table.h"

namespace drift {
namespace {

using Kind = std::pair<Sync, Step>;  // with its H; of local steps 0

struct Steps {
  std::vector<double> measured;
  double predicted = 0;  // of all of them
};

std::map<Kind, Steps> steps_by_kind(const RunRecords& run, const Predictor& predictor) {
  std::map<Kind, Steps> all;
  std::set<Kind> begun;
  for (const StepRecord& step : run.steps) {
    const Kind kind = {step.sync, step.sync == Sync::kNone ? 0 : step.period};
    if (begun.insert(kind).second) continue;  // it makes code and takes memory
    all[kind].measured.push_back(step.seconds);
    all[kind].predicted += predictor.seconds_of(step.sync, step.period);
  }
  return all;
}

int processes_of(const RunRecords& run) {
  const auto setup = run.environment.is_object() ? run.environment.find("setup") : run.environment.end();
  DRIFT_CHECK(kUsage, setup != run.environment.end() && setup->contains("processes"),
              "{} does not say in its env.json how many processes it had", run.path.string());
  return setup->at("processes").get<int>();
}

LinkOptions link_of(const StepMeasurement& measurement, const RunRecords& run, int processes,
                    const std::optional<LinkOptions>& given) {
  if (const std::optional<LinkOptions> emulated = parse_link(run.config.processes.link)) return *emulated;
  if (given) return *given;
  DRIFT_CHECK(kUsage, processes == 1 || measurement.link.bytes_per_second > 0,
              "{} had {} processes without --link, and the measurement knows no link between them: give --links",
              run.path.string(), processes);
  return processes == 1 ? LinkOptions{.bytes_per_second = 1} : measurement.link;
}

void check_same(const StepMeasurement& measurement, const RunRecords& run, int processes) {
  const auto check = [&](const char* what, const auto& measured, const auto& found) {
    DRIFT_CHECK(kUsage, measured == found, "{} was trained with {} {}, and {} was measured", run.path.string(), what,
                found, measured);
  };
  check("--model", measurement.model, run.config.model.name);
  check("--local-batch", measurement.local_batch, run.config.sync.local_batch);
  check("workers in a process:", measurement.workers_per_process, run.config.sync.workers / processes);
  DRIFT_CHECK(
      kUsage, run.config.sync.averages_at_once(),
      "{} averaged by --fragments, with --fragment-delay, by --periods-by-level or with --wire bf16, which drift "
      "predict does not know",
      run.path.string());
}

}  // namespace

std::string against_text(const StepMeasurement& measurement, const RunRecords& run,
                         const std::optional<LinkOptions>& link) {
  const int processes = processes_of(run);
  check_same(measurement, run, processes);
  const Predictor predictor(
      measurement, setting_of(way_of(run.config), measurement, processes, link_of(measurement, run, processes, link)));
  std::vector<std::vector<std::string>> rows = {
      {"ms of a step", "H", "steps", "predicted", "from - to", "measured", "predicted - measured"}};
  const auto add = [&](const std::string& name, const std::string& period, std::size_t steps, double predicted,
                       double noise, double measured) {
    rows.push_back({name, period, std::to_string(steps), ms_text(predicted),
                    fmt::format("{} - {}", ms_text(std::max(0.0, predicted - noise)), ms_text(predicted + noise)),
                    ms_text(measured), fmt::format("{:+.1f} %", 100 * (predicted / measured - 1))});
  };
  double predicted = 0, measured = 0, noise = 0;
  std::size_t all = 0;
  for (auto& [kind, steps] : steps_by_kind(run, predictor)) {
    const auto& [sync, period] = kind;
    std::ranges::sort(steps.measured);
    const auto count = static_cast<double>(steps.measured.size());
    const double mean = middle_mean(steps.measured);
    add(title_of(sync), period == 0 ? "" : std::to_string(period), steps.measured.size(), steps.predicted / count,
        predictor.noise_of(sync), mean);
    predicted += steps.predicted;
    measured += count * mean;
    noise += count * predictor.noise_of(sync);
    all += steps.measured.size();
  }
  DRIFT_CHECK(kUsage, all > 0, "{} has no two records of steps of one kind", run.path.string());
  const auto count = static_cast<double>(all);
  add("all", "", all, predicted / count, noise / count, measured / count);
  return text_table(rows, "<>>>>>>");
}

}  // namespace drift
