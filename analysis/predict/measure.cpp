#include "analysis/predict/measure.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>
#include <utility>

#include "analysis/ledger/ledger.h"
#include "core/check.h"

namespace drift {
namespace {

constexpr double kSecond = 1e-9;  // of a nanosecond

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : 0.5 * (values[middle - 1] + values[middle]);
}

// Of values around 0, from their quartiles: what disturbed a few of them does not count.
double robust_deviation(std::vector<double> values) {
  if (values.size() < 4) return 0;
  std::ranges::sort(values);
  return (values[3 * values.size() / 4] - values[values.size() / 4]) / 1.349;
}

// Of a worker's local steps around the mean of all workers in the same step; of one worker around its own.
double spread_of(const Profile& profile) {
  const auto workers = static_cast<std::size_t>(profile.latest().workers);
  std::vector<double> own, apart;
  for (std::size_t first = 0; first + workers <= profile.steps.size(); first += workers) {
    const std::span steps = std::span(profile.steps).subspan(first, workers);
    double mean = 0;
    for (const auto& step : steps)
      mean += kSecond * static_cast<double>(step.of.duration) / static_cast<double>(workers);
    if (steps.front().of.sync != Sync::kNone || steps.front().of.first) continue;
    for (const auto& step : steps) apart.push_back(kSecond * static_cast<double>(step.of.duration) - mean);
    own.push_back(mean);
  }
  if (workers == 1) return robust_deviation(own);
  const auto count = static_cast<double>(workers);
  return robust_deviation(apart) * std::sqrt(count / (count - 1));
}

struct Backward {
  double begin = 0, end = 0;             // seconds since the step began
  std::map<std::string, double> layers;  // when the last operation of each was done
};

Backward backward_of(const Profile& profile, const ProfiledStep& step) {
  Backward backward;
  for (const ProfiledCall& call : step.calls) {
    const ProfiledOp& op = profile.ops[static_cast<std::size_t>(call.op)];
    if (op.part != "backward") continue;
    const double end = kSecond * static_cast<double>(call.time.end);
    if (backward.end == 0) backward.begin = kSecond * static_cast<double>(call.time.begin);
    backward.end = std::max(backward.end, end);
    backward.layers[op.layer] = std::max(backward.layers[op.layer], end);
  }
  return backward;
}

// By layer, the median over local steps of the share of backward after which its gradients are final.
std::map<std::string, double> finals_of(const Profile& profile) {
  std::map<std::string, std::vector<double>> all;
  for (const Profile::RecordedStep& step : profile.steps) {
    if (step.of.sync != Sync::kNone || step.of.first) continue;
    const Backward backward = backward_of(profile, step.of);
    if (backward.end <= backward.begin) continue;
    for (const auto& [layer, end] : backward.layers) {
      all[layer].push_back((end - backward.begin) / (backward.end - backward.begin));
    }
  }
  std::map<std::string, double> finals;
  for (auto& [layer, shares] : all) finals[layer] = median(std::move(shares));
  return finals;
}

void take_weights(const Profile& profile, const ParameterSet& parameters, StepMeasurement& measurement) {
  const std::map<std::string, double> finals = finals_of(profile);
  measurement.floats = std::ssize(parameters.values());
  measurement.decayed = parameters.decayed_count();
  for (const Parameter* const parameter : parameters.parameters()) {
    if (parameter->offset() >= measurement.decayed) continue;
    const auto found = finals.find(std::string(parameter->layer()));
    const double share = found == finals.end() ? 1 : found->second;
    measurement.weights.push_back({.begin = parameter->offset(), .final = share * measurement.backward});
  }
  std::ranges::sort(measurement.weights, {}, &StepMeasurement::Weight::begin);
}

// What an average costs a step beside the wait for others and, of a round's end, what else is done there.
struct Overhead {
  double seconds = 0, noise = 0;
};

Overhead overhead_of(const Ledger& ledger, double round_end) {
  constexpr auto kNone = Sync::kNone;
  Overhead mean;
  for (const Sync sync : {Sync::kGradients, Sync::kParameters}) {
    const double more = ledger.step.at(sync) - ledger.step.at(kNone) - ledger.skew.at(sync);
    mean.seconds += 0.5 * (more - (sync == Sync::kParameters ? round_end : 0));
    mean.noise += 0.5 * std::hypot(ledger.step.noise[column_of(sync)], ledger.step.noise[column_of(kNone)]);
  }
  return mean;
}

double part_difference(const Ledger& ledger, std::string_view part) {
  const ByKind seconds = ledger.part(part);
  return std::max(0.0, seconds.at(Sync::kParameters) - seconds.at(Sync::kNone));
}

void take_costs(const MeasuredRuns& runs, const std::array<Ledger, 3>& ledgers, StepMeasurement& measurement) {
  std::array<Overhead, 3> overheads;
  for (std::size_t i = 0; i < 3; ++i) overheads[i] = overhead_of(ledgers[i], measurement.round_end);
  // What the network itself takes is no cost of averages.
  const int processes = runs.behind.latest().processes;
  const auto wire = [&](bool overlap, std::int64_t bytes) {
    return averaging_times(measurement,
                           {.processes = processes, .link = runs.link, .overlap = overlap, .bucket_bytes = bytes}, 1)
        .exposed;
  };
  const auto buckets = [&](std::int64_t bytes) { return static_cast<double>(measurement.buckets(bytes).size()); };
  const double bytes = sizeof(float) * static_cast<double>(measurement.floats);
  const double small = std::max(0.0, overheads[0].seconds - wire(true, runs.small_bytes));
  const double large = std::max(0.0, overheads[1].seconds - wire(true, runs.large_bytes));
  const double behind = std::max(0.0, overheads[2].seconds - wire(false, 0));
  const double more = buckets(runs.small_bytes) - buckets(runs.large_bytes);
  AveragingCost& overlapped = measurement.overlapped;
  if (more > 0) overlapped.per_bucket = std::max(0.0, (small - large) / more);
  overlapped.per_byte = std::max(0.0, large - overlapped.per_bucket * buckets(runs.large_bytes)) / bytes;
  overlapped.noise = std::max(overheads[0].noise, overheads[1].noise);
  measurement.behind = {.per_bucket = 0, .per_byte = behind / bytes, .noise = overheads[2].noise};
}

}  // namespace

StepMeasurement measure(const MeasuredRuns& runs, const ParameterSet& parameters, const std::string& origin) {
  const std::array<Ledger, 3> ledgers = {make_ledger(runs.small_buckets), make_ledger(runs.large_buckets),
                                         make_ledger(runs.behind)};
  for (const Ledger& ledger : ledgers) {
    for (const Sync sync : {Sync::kNone, Sync::kGradients, Sync::kParameters}) {
      DRIFT_CHECK(kUsage, ledger.has(sync), "no {} step was recorded behind the first: measure more steps",
                  title_of(sync));
    }
  }
  const ProfileSession& session = runs.behind.latest();
  const bool linked = session.processes > 1;
  StepMeasurement measurement = {.model = session.model,
                                 .origin = origin,
                                 .workers_per_process = session.workers / session.processes,
                                 .local_batch = session.local_batch,
                                 .link = linked ? runs.link : LinkOptions{}};
  double least = ledgers[0].step.at(Sync::kNone), most = least, local = 0;
  for (const Ledger& ledger : ledgers) {
    const double step = ledger.step.at(Sync::kNone);
    least = std::min(least, step);
    most = std::max(most, step);
    local += step / 3;
    measurement.backward += ledger.part("backward").at(Sync::kNone) / 3;
    measurement.update += (ledger.part("update").at(Sync::kNone) + ledger.part("other").at(Sync::kNone)) / 3;
    measurement.noise = std::max(measurement.noise, ledger.step.noise[column_of(Sync::kNone)]);
  }
  measurement.forward = std::max(0.0, local - measurement.backward - measurement.update);
  measurement.noise = std::max(measurement.noise, (most - least) / 2);
  measurement.round_end = part_difference(ledgers[2], "other");
  measurement.spread = std::max({spread_of(runs.small_buckets), spread_of(runs.large_buckets), spread_of(runs.behind)});
  take_weights(runs.behind, parameters, measurement);
  if (session.workers > 1) {
    take_costs(runs, ledgers, measurement);
  } else {  // there is nobody to average with: what is sent is copied, what comes is read, added up and written
    constexpr double kPasses = 5;
    const double bytes = sizeof(float) * static_cast<double>(measurement.floats);
    const double pass = session.rates.floor_seconds(static_cast<std::int64_t>(bytes), 0);
    measurement.overlapped.per_byte = measurement.behind.per_byte = kPasses * pass / bytes;
  }
  return measurement;
}

}  // namespace drift
