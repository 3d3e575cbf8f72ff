// Results: the numbers of each arm, as tables and files have them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/report/arms.h"
#include "analysis/statistics.h"

namespace drift {

struct ArmResult {
  std::string name;
  std::vector<std::uint64_t> seeds = {};  // of its runs
  std::vector<double> accuracies = {};    // of the averaged model at the latest evaluation, by seed; NaN: none yet
  Estimate accuracy = {};                 // their mean
  std::optional<Estimate> difference =
      {};                          // to the first arm, seed by seed; nothing for that one, and without common seeds
  double test_loss = 0;            // this and what follows: means over seeds
  double training_loss = 0;        // over the last hundredth of the steps
  double averages = 0, bytes = 0;  // communication rounds; sent by all workers
  double seconds = 0;              // steps and evaluations
  double images_per_second = 0;    // over the steps
  std::string status = {};         // "finished"; or of each run that is not: "running at step 3 of 10"
};

std::vector<ArmResult> results_of(const std::vector<Arm>& arms);

// Of the seeds that both have; nothing where there are none.
std::optional<Estimate> paired_difference(const ArmResult& arm, const ArmResult& other);

// "71.8 ± 0.4", in percent; without an interval where there is none, "" without a value.
std::string percent_text(const Estimate& estimate, bool with_sign = false);

}  // namespace drift
