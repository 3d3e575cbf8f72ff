#include "analysis/report/results.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <map>

#include "analysis/report/series.h"
#include "core/text.h"

namespace drift {
namespace {

double mean_of(const std::vector<double>& values) {
  std::vector<double> known;
  std::ranges::copy_if(values, std::back_inserter(known), [](double value) { return std::isfinite(value); });
  return estimate_mean(known).mean;
}

// The last hundredth of its steps.
std::span<const StepRecord> last_steps(const RunRecords& run) {
  return std::span(run.steps).last(std::max<std::size_t>(1, run.steps.size() / 100));
}

std::string status_of(const Arm& arm) {
  std::vector<std::string> others;
  for (const RunRecords& run : arm.runs) {
    const std::string status = run.status();
    if (status == "finished") continue;
    others.push_back(run.total_steps() > 0
                         ? fmt::format("{} at step {} of {}", status, run.steps_done(), run.total_steps())
                         : fmt::format("{} at step {}", status, run.steps_done()));
  }
  return others.empty() ? "finished" : a_few(others, 2);
}

ArmResult result_of(const Arm& arm) {
  ArmResult result{.name = arm.name};
  std::vector<double> test_loss, training_loss, averages, bytes, seconds, speed, known;
  for (const RunRecords& run : arm.runs) {
    const Progression end = Timeline(run).at(std::numeric_limits<Step>::max());
    const bool is_evaluated = !run.evaluations.empty();
    result.seeds.push_back(run.config.seed);
    result.accuracies.push_back(is_evaluated ? run.evaluations.back().top1 : std::nan(""));
    if (is_evaluated) known.push_back(run.evaluations.back().top1);
    test_loss.push_back(is_evaluated ? run.evaluations.back().loss : std::nan(""));
    const bool has_steps = !run.steps.empty();
    training_loss.push_back(has_steps ? mean_loss(last_steps(run)) : std::nan(""));
    averages.push_back(end.averages);
    bytes.push_back(end.bytes);
    seconds.push_back(end.seconds);
    speed.push_back(has_steps ? images_per_second(run.steps) : std::nan(""));
  }
  result.accuracy = estimate_mean(known);
  result.test_loss = mean_of(test_loss);
  result.training_loss = mean_of(training_loss);
  result.averages = mean_of(averages);
  result.bytes = mean_of(bytes);
  result.seconds = mean_of(seconds);
  result.images_per_second = mean_of(speed);
  result.status = status_of(arm);
  return result;
}

}  // namespace

std::optional<Estimate> paired_difference(const ArmResult& arm, const ArmResult& other) {
  std::map<std::uint64_t, double> baseline;
  for (std::size_t i = 0; i < other.seeds.size(); ++i) baseline[other.seeds[i]] = other.accuracies[i];
  std::vector<double> differences;
  for (std::size_t i = 0; i < arm.seeds.size(); ++i) {
    const auto partner = baseline.find(arm.seeds[i]);
    if (partner == baseline.end()) continue;
    const double difference = arm.accuracies[i] - partner->second;
    if (std::isfinite(difference)) differences.push_back(difference);
  }
  if (differences.empty()) return std::nullopt;
  return estimate_mean(differences);
}

std::vector<ArmResult> results_of(const std::vector<Arm>& arms) {
  std::vector<ArmResult> results;
  for (const Arm& arm : arms) {
    results.push_back(result_of(arm));
    if (results.size() > 1) results.back().difference = paired_difference(results.back(), results.front());
  }
  return results;
}

std::string percent_text(const Estimate& estimate, bool with_sign) {
  if (!std::isfinite(estimate.mean)) return "";
  const std::string mean =
      with_sign ? fmt::format("{:+.2f}", 100 * estimate.mean) : fmt::format("{:.2f}", 100 * estimate.mean);
  return std::isfinite(estimate.half_width) ? fmt::format("{} ± {:.2f}", mean, 100 * estimate.half_width) : mean;
}

}  // namespace drift
