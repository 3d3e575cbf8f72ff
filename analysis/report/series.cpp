#include "analysis/report/series.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "analysis/statistics.h"

namespace drift {
namespace {

constexpr std::size_t kPieces = 120;  // that a figure can show
constexpr double kAbruptly = 0.02;    // of its value: a change that is no part of a slope

}  // namespace

Timeline::Timeline(const RunRecords& run) {
  if (run.steps.empty()) return;
  const StepRecord& first = run.steps.front();
  const auto steps_before = static_cast<double>(first.step);
  start_.epoch = first.epoch * steps_before / (steps_before + 1);
  Progression now;
  auto evaluation = run.evaluations.begin();
  for (const StepRecord& step : run.steps) {
    for (; evaluation != run.evaluations.end() && evaluation->step <= step.step; ++evaluation) {
      now.seconds += evaluation->seconds;
    }
    now.epoch = step.epoch;
    now.seconds += step.seconds;
    now.averages += averages_over_all(step.sync) ? 1 : 0;
    now.bytes += static_cast<double>(step.bytes);
    steps_.push_back(step.step + 1);
    progressions_.push_back(now);
  }
}

Progression Timeline::at(Step steps_done) const {
  const auto behind = std::ranges::upper_bound(steps_, steps_done);
  if (behind == steps_.begin()) return start_;
  return progressions_[static_cast<std::size_t>(behind - steps_.begin()) - 1];
}

std::vector<PlotPoint> points_of(const Arm& arm, const Samples& samples, RunClock clock) {
  struct Together {
    std::vector<double> x, y;
  };
  std::map<Step, Together> by_step;
  for (const RunRecords& run : arm.runs) {
    const Timeline timeline(run);
    for (const Sample& sample : samples(run)) {
      if (!std::isfinite(sample.value)) continue;
      by_step[sample.steps_done].x.push_back(timeline.at(sample.steps_done).*clock);
      by_step[sample.steps_done].y.push_back(sample.value);
    }
  }
  std::vector<PlotPoint> points;
  for (const auto& [step, together] : by_step) {
    const Estimate x = estimate_mean(together.x), y = estimate_mean(together.y);
    points.push_back({.x = x.mean, .y = y.mean, .low = y.low(), .high = y.high()});
  }
  return points;
}

std::vector<PlotPoint> paired_points(const Arm& arm, const Arm& other, const Samples& samples) {
  constexpr double kEqual = 1e-6;  // of an epoch
  const auto by_epoch = [&](const RunRecords& run) {
    const Timeline timeline(run);
    std::map<std::int64_t, double> values;
    for (const Sample& sample : samples(run)) {
      if (!std::isfinite(sample.value)) continue;
      values[std::llround(timeline.at(sample.steps_done).epoch / kEqual)] = sample.value;
    }
    return values;
  };
  std::map<std::int64_t, std::vector<double>> differences;
  for (const RunRecords& run : arm.runs) {
    const auto pair = std::ranges::find(other.runs, run.config.seed, [](const RunRecords& r) { return r.config.seed; });
    if (pair == other.runs.end()) continue;
    const std::map<std::int64_t, double> others = by_epoch(*pair);
    for (const auto& [epoch, value] : by_epoch(run)) {
      if (const auto at = others.find(epoch); at != others.end()) differences[epoch].push_back(value - at->second);
    }
  }
  std::vector<PlotPoint> points;
  for (const auto& [epoch, values] : differences) {
    const Estimate y = estimate_mean(values);
    points.push_back({.x = static_cast<double>(epoch) * kEqual, .y = y.mean, .low = y.low(), .high = y.high()});
  }
  return points;
}

double mean_loss(std::span<const StepRecord> steps) {
  double sum = 0;
  for (const StepRecord& step : steps) sum += step.loss;
  return sum / static_cast<double>(steps.size());
}

double images_per_second(std::span<const StepRecord> steps) {
  double images = 0, seconds = 0;
  for (const StepRecord& step : steps) {
    images += step.images_per_second * step.seconds;
    seconds += step.seconds;
  }
  return images / seconds;
}

std::vector<Sample> by_pieces(const RunRecords& run,
                              const std::function<double(std::span<const StepRecord>)>& quantity) {
  const std::span steps(run.steps);
  const std::size_t size = std::max<std::size_t>(1, (steps.size() + kPieces - 1) / kPieces);
  std::vector<Sample> samples;
  for (std::size_t begin = 0; begin + size <= steps.size(); begin += size) {
    const auto piece = steps.subspan(begin, size);
    samples.push_back({.steps_done = piece.back().step + 1, .value = quantity(piece)});
  }
  return samples;
}

std::vector<Sample> thinned(std::vector<Sample> samples) {
  const std::size_t rhythm = std::max<std::size_t>(1, samples.size() / kPieces);
  std::vector<Sample> kept;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i % rhythm == 0 || i + 1 == samples.size()) kept.push_back(samples[i]);
  }
  return kept;
}

std::vector<Sample> changes_of(const RunRecords& run, const std::function<double(const StepRecord&)>& quantity) {
  const std::size_t rhythm = std::max<std::size_t>(1, run.steps.size() / kPieces);
  std::vector<Sample> samples;
  double before = std::numeric_limits<double>::quiet_NaN();
  for (std::size_t i = 0; i < run.steps.size(); ++i) {
    const double value = quantity(run.steps[i]);
    const bool is_abrupt = !(std::abs(value - before) <= kAbruptly * std::abs(before));
    if (is_abrupt || i % rhythm == 0 || i + 1 == run.steps.size()) {
      samples.push_back({.steps_done = run.steps[i].step, .value = value});
    }
    before = value;
  }
  return samples;
}

}  // namespace drift
