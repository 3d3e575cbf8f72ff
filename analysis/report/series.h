// Series: what the records of a run say along it, as points over one of several clocks.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "analysis/plot/plot.h"
#include "analysis/report/arms.h"

namespace drift {

// How far a run has come. All but the epoch are counted from the first step that its directory has a record of.
struct Progression {
  double epoch = 0;
  double seconds = 0;   // of steps and evaluations
  double averages = 0;  // steps at whose end all workers communicated
  double bytes = 0;     // sent
};
using RunClock = double Progression::*;

class Timeline {
 public:
  explicit Timeline(const RunRecords& run);
  // After so many steps.
  Progression at(Step steps_done) const;

 private:
  Progression start_;
  std::vector<Step> steps_;                // done, after each record
  std::vector<Progression> progressions_;  // then
};

// A quantity of a run after so many steps.
struct Sample {
  Step steps_done = 0;
  double value = 0;
};
using Samples = std::function<std::vector<Sample>(const RunRecords&)>;

// An arm's points: the samples of its runs after equally many steps, their mean with the interval of that.
std::vector<PlotPoint> points_of(const Arm& arm, const Samples& samples, RunClock clock);

// How far an arm is ahead of another, over epochs: the difference of the samples of runs with the same seed where both
// have come equally far, its mean with the interval of that. What a seed does to both is left out.
std::vector<PlotPoint> paired_points(const Arm& arm, const Arm& other, const Samples& samples);

// Over these steps, of which there is one at least.
double mean_loss(std::span<const StepRecord> steps);
double images_per_second(std::span<const StepRecord> steps);

// Pieces of a run, as many as a figure can show: for each what `quantity` makes of its steps, at its end.
std::vector<Sample> by_pieces(const RunRecords& run,
                              const std::function<double(std::span<const StepRecord>)>& quantity);

// Of many samples as many as a figure can show, evenly; the last one, too.
std::vector<Sample> thinned(std::vector<Sample> samples);

// Where a quantity of steps changes, and often enough in between to follow it; the last one, too.
std::vector<Sample> changes_of(const RunRecords& run, const std::function<double(const StepRecord&)>& quantity);

}  // namespace drift
