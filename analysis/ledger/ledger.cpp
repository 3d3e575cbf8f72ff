#include "analysis/ledger/ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "analysis/statistics.h"

namespace drift {
namespace {

constexpr double kSecond = 1e-9;  // of a nanosecond

double seconds(Nanoseconds time) {
  return kSecond * static_cast<double>(time);
}

// Linear between the two nearest; of at least one value, sorted.
double quantile(std::span<const double> sorted, double part) {
  const double place = part * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Of few values nobody knows.
double noise_of(std::vector<double> values) {
  if (values.size() < 4) return std::numeric_limits<double>::infinity();
  std::ranges::sort(values);
  const double quartiles = quantile(values, 0.75) - quantile(values, 0.25);
  return 1.58 * quartiles / std::sqrt(static_cast<double>(values.size()));
}

// What is added up of each step, by place: these, then calls, seconds and floor of each row.
enum Amount : std::size_t {
  kStep,
  kBatch,
  kLane,
  kSkew,
  kMoving,
  kGaps,
  kExposed,
  kSums,
  kHidden,
  kBytes,
  kComputing,
  kAmounts
};

using Amounts = std::vector<double>;

class RowPlaces {
 public:
  RowPlaces(const std::vector<ProfiledOp>& ops, LedgerRows rows) {
    for (const ProfiledOp& op : ops) {
      const std::pair<std::string, std::string> key = {op.part, rows == LedgerRows::kLayers ? op.layer : op.op};
      const auto [found, is_new] = places_.try_emplace(key, names_.size());
      if (is_new) names_.push_back(key);
      of_op_.push_back(found->second);
    }
  }
  std::size_t size() const { return names_.size(); }
  std::size_t of(std::int64_t op) const { return of_op_[static_cast<std::size_t>(op)]; }
  const std::pair<std::string, std::string>& part_and_name(std::size_t row) const { return names_[row]; }

 private:
  std::map<std::pair<std::string, std::string>, std::size_t> places_;
  std::vector<std::pair<std::string, std::string>> names_;
  std::vector<std::size_t> of_op_;
};

const TimeSpan* part_named(const ProfiledStep& step, std::string_view name) {
  const auto found = std::ranges::find(step.parts, name, &ProfiledPart::name);
  return found == step.parts.end() ? nullptr : &found->time;
}

// A worker asks for a lane before it takes its batch, and again behind an average of gradients. What it computes in
// between, at the start of a round, is its own.
double lane_seconds(const ProfiledStep& step) {
  double all = 0;
  const auto waits = [&](Nanoseconds begin, Nanoseconds end) {
    all += seconds(std::max<Nanoseconds>(0, end - begin));
    for (const ProfiledCall& call : step.calls) {
      if (call.time.begin >= begin && call.time.end <= end) all -= seconds(call.time.length());
    }
  };
  if (const TimeSpan* const batch = part_named(step, "batch")) waits(0, batch->begin);
  const TimeSpan *const average = part_named(step, "average gradients"), *const update = part_named(step, "update");
  if (average != nullptr && update != nullptr) waits(average->end, update->begin);
  return std::max(0.0, all);
}

Amounts amounts_of(const Profile& profile, const RowPlaces& rows, std::span<const Profile::RecordedStep> steps,
                   std::size_t worker) {
  const ProfiledStep& step = steps[worker].of;
  const MachineRates& rates = profile.sessions[steps[worker].session].rates;
  Amounts amounts(kAmounts + 3 * rows.size());
  double operations = 0;
  for (const ProfiledCall& call : step.calls) {
    const ProfiledOp& op = profile.ops[static_cast<std::size_t>(call.op)];
    const double time = seconds(call.time.length());
    (op.part == "average" ? amounts[kSums] : operations) += time;
    double* const row = &amounts[kAmounts + 3 * rows.of(call.op)];
    row[0] += 1;
    row[1] += time;
    row[2] += rates.floor_seconds(op.bytes, op.multiply_adds);
  }
  const WaitTimes waits = wait_times(steps, worker);
  const TimeSpan* const batch = part_named(step, "batch");
  amounts[kStep] = seconds(step.duration);
  amounts[kComputing] = operations;
  amounts[kBatch] = batch == nullptr ? 0 : seconds(batch->length());
  amounts[kLane] = lane_seconds(step);
  amounts[kSkew] = waits.skew;
  amounts[kMoving] = waits.moving;
  amounts[kExposed] = waits.exposed;
  amounts[kHidden] = waits.hidden;
  amounts[kGaps] = amounts[kStep] - operations - amounts[kBatch] - amounts[kLane] - waits.exposed;
  for (const ProfiledWait& wait : step.waits) amounts[kBytes] += static_cast<double>(wait.bytes);
  return amounts;
}

// By worker, then step; the shortest first.
using OfKind = std::map<int, std::vector<Amounts>>;

// worker: of this one alone.
ByKind reduced(const std::array<OfKind, kStepKinds.size()>& all, std::size_t amount,
               std::optional<int> worker = std::nullopt) {
  ByKind result;
  for (std::size_t kind = 0; kind < all.size(); ++kind) {
    double mean = 0, noise = 0;
    int workers = 0;
    for (const auto& [number, steps] : all[kind]) {
      if (worker && number != *worker) continue;
      std::vector<double> values;
      for (const Amounts& amounts : steps) values.push_back(amounts[amount]);
      mean += middle_mean(values);
      noise += noise_of(values);
      ++workers;
    }
    if (workers == 0) continue;
    result.mean[kind] = mean / workers;
    result.noise[kind] = noise / workers;
  }
  return result;
}

}  // namespace

std::string title_of(Sync kind) {
  switch (kind) {
    case Sync::kNone:
      return "local";
    case Sync::kGradients:
      return "synchronous";
    case Sync::kFragment:
      return "fragment";
    case Sync::kNode:
      return "node";
    case Sync::kParameters:
      return "round end";
  }
  return "?";
}

double ByKind::typical() const {
  const auto known = std::ranges::find_if(mean, [](double value) { return !std::isnan(value); });
  return known == mean.end() ? kNone : *known;
}

double ByKind::most() const {
  double most = 0;
  for (const double value : mean) most = std::fmax(most, value);
  return most;
}

ByKind Ledger::part(std::string_view name) const {
  ByKind sum;
  for (std::size_t kind = 0; kind < steps.size(); ++kind) {
    if (steps[kind] == 0) continue;
    sum.mean[kind] = 0;
    for (const LedgerRow& row : rows) {
      if (row.part == name) sum.mean[kind] += row.seconds.mean[kind];
    }
  }
  return sum;
}

double Ledger::seconds_at(Step period) const {
  const double local = step.at(Sync::kNone), end = step.at(Sync::kParameters);
  const auto steps_of_round = static_cast<double>(period);
  if (!has(Sync::kFragment) && !has(Sync::kNode)) return period == 1 ? end : local + (end - local) / steps_of_round;
  // Of a round: whole rounds are recorded.
  double others = 0, more = 0;
  for (const Sync kind : {Sync::kFragment, Sync::kNode}) {
    if (!has(kind) || !has(Sync::kParameters)) continue;
    const double each =
        static_cast<double>(steps[column_of(kind)]) / static_cast<double>(steps[column_of(Sync::kParameters)]);
    others += each;
    more += each * (step.at(kind) - local);
  }
  if (!(steps_of_round > others)) return ByKind::kNone;
  return local + (end - local + more) / steps_of_round;
}

std::optional<Nanoseconds> end_of_wait(std::span<const Profile::RecordedStep> steps, int process, std::size_t wait) {
  std::optional<Nanoseconds> end;
  for (const Profile::RecordedStep& step : steps) {
    if (step.process != process || wait >= step.of.waits.size()) continue;
    const ProfiledWait& one = step.of.waits[wait];
    const Nanoseconds own = step.of.begin + (one.means.empty() ? one.time.end : one.means.back().end);
    end = std::min(end.value_or(own), own);
  }
  return end;
}

WaitTimes wait_times(std::span<const Profile::RecordedStep> steps, std::size_t worker) {
  WaitTimes times;
  const Profile::RecordedStep& own = steps[worker];
  const bool with_all = averages_over_all(own.of.sync);  // else with those of its process, where nodes are
  for (std::size_t i = 0; i < own.of.waits.size(); ++i) {
    Nanoseconds last_ready = std::numeric_limits<Nanoseconds>::min();  // since the wait's end
    for (const Profile::RecordedStep& other : steps) {
      if (i >= other.of.waits.size() || (!with_all && other.process != own.process)) continue;
      const Nanoseconds ready = other.of.begin + other.of.waits[i].ready;
      last_ready = std::max(last_ready, ready - *end_of_wait(steps, other.process, i));
    }
    const TimeSpan& wait = own.of.waits[i].time;
    const Nanoseconds all_ready = *end_of_wait(steps, own.process, i) + last_ready - own.of.begin;
    const Nanoseconds skew = std::clamp<Nanoseconds>(all_ready - wait.begin, 0, wait.length());
    times.exposed += seconds(wait.length());
    times.skew += seconds(skew);
    times.moving += seconds(wait.length() - skew);
    for (const TimeSpan& mean : own.of.waits[i].means) {
      times.hidden += seconds(std::max<Nanoseconds>(0, std::min(mean.end, wait.begin) - mean.begin));
    }
  }
  return times;
}

Ledger make_ledger(const Profile& profile, LedgerRows grouping) {
  const RowPlaces rows(profile.ops, grouping);
  std::array<OfKind, kStepKinds.size()> all;
  Ledger ledger;
  ledger.samples = static_cast<double>(profile.latest().workers) * static_cast<double>(profile.latest().local_batch);
  const auto workers = static_cast<std::size_t>(profile.latest().workers);
  for (std::size_t first = 0; first + workers <= profile.steps.size(); first += workers) {
    const std::span steps = std::span(profile.steps).subspan(first, workers);
    if (std::ranges::any_of(steps, [](const Profile::RecordedStep& step) { return step.of.first; })) continue;
    const std::size_t kind = column_of(steps.front().of.sync);
    ledger.steps[kind] += workers;
    for (std::size_t k = 0; k < workers; ++k) {
      all[kind][steps[k].of.worker].push_back(amounts_of(profile, rows, steps, k));
    }
  }
  for (OfKind& kind : all) {
    for (auto& [worker, amounts] : kind) {
      std::ranges::stable_sort(amounts, {}, [](const Amounts& step) { return step[kStep]; });
    }
  }
  ledger.step = reduced(all, kStep);
  ledger.batch = reduced(all, kBatch);
  ledger.lane = reduced(all, kLane);
  ledger.skew = reduced(all, kSkew);
  ledger.moving = reduced(all, kMoving);
  ledger.gaps = reduced(all, kGaps);
  ledger.exposed = reduced(all, kExposed);
  ledger.sums = reduced(all, kSums);
  ledger.hidden = reduced(all, kHidden);
  ledger.bytes = reduced(all, kBytes);
  for (int worker = 0; worker < profile.latest().workers; ++worker) {
    ledger.workers.push_back({worker, reduced(all, kComputing, worker), reduced(all, kSkew, worker)});
  }
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto& [part, name] = rows.part_and_name(row);
    if (part == "average") continue;
    const std::size_t place = kAmounts + 3 * row;
    ledger.rows.push_back({part, name, reduced(all, place), reduced(all, place + 1), reduced(all, place + 2)});
  }
  std::ranges::stable_sort(ledger.rows, std::ranges::greater(),
                           [](const LedgerRow& row) { return row.seconds.most(); });
  return ledger;
}

}  // namespace drift
