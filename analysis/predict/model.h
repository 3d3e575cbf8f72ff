// The model behind drift predict: what a step costs with K workers in P processes, averages every H steps, over a link.
// It does what Drift does, in simulated time: the buckets of the arenas become final one after the other within
// backward, the averaging thread takes each through the rules of the exchange (comm/exchange.h), whose messages go over
// an emulated link (comm/link.h). Pure functions of their arguments.
//
//   step(H) = local + (taken + exposed + extra) / H + waiting / H
//
//   taken     the averaging thread's work that fell within backward and made it longer, on a machine without a core
//             for it
//   exposed   what is left of the average when backward has ended
//   extra     of a round's end: telemetry and checks
//   waiting   for the slowest of K workers, whose steps scatter by s: s sqrt(H) e(K), where e(K) is the expected
//             maximum of K standard normal draws. Over H steps without communication what one loses another may make up
//
// All processes are alike, so one of them is simulated: each sends to the next one first, so what it receives at a turn
// was sent when it sent at that turn.
#pragma once

#include <cstdint>
#include <vector>

#include "analysis/predict/step_measurement.h"
#include "comm/link.h"
#include "core/step.h"
#include "train/config/config.h"

namespace drift {

// How a run averages, as far as a step's time depends on it.
struct AveragingWay {
  bool overlap = true;
  double bucket_megabytes = 0;  // --bucket-mb
  int arenas = 1;               // 2: momentum is averaged with the parameters, at the end of rounds
};
AveragingWay way_of(const TrainConfig& config);

struct AveragingSetting {
  int processes = 1;  // P
  LinkOptions link;
  bool overlap = true;
  std::int64_t bucket_bytes = 0;  // where it overlaps
  int arenas = 1;                 // as above
};
AveragingSetting setting_of(const AveragingWay& way, const StepMeasurement& measurement, int processes,
                            const LinkOptions& link);

// In a step that ends with an average.
struct AveragingTimes {
  double taken = 0, exposed = 0;  // seconds
  double total() const { return taken + exposed; }
};
AveragingTimes averaging_times(const StepMeasurement& measurement, const AveragingSetting& setting, int arenas);

// The expected maximum of so many standard normal draws.
double expected_maximum(int draws);

struct Prediction {
  double seconds = 0, low = 0, high = 0;  // of a step, on average over a round
  double exposed = 0, waiting = 0, taken = 0;
  double images_per_second = 0;
  double bytes = 0;  // that a process sends, of a step
};

// Of one setting for any H.
class Predictor {
 public:
  Predictor(StepMeasurement measurement, const AveragingSetting& setting);

  // H = 1: gradients at every step; above it parameters every H steps.
  Prediction at(Step period) const;
  // Of a step that averages gradients, of a local one, of the last one of a round of H, as records have it: what the
  // worker that is the furthest behind by then takes longer than it was behind before is the step's.
  double seconds_of(Sync sync, Step period) const;
  // Of that: half an interval of 95 %.
  double noise_of(Sync sync) const;
  // The smallest H from which twice as many local steps give less than a hundredth more images a second.
  Step enough() const;
  int workers() const { return workers_; }

 private:
  double waiting(Step period) const;
  double averaging_noise() const;

  StepMeasurement measurement_;
  AveragingSetting setting_;
  int workers_;
  double maximum_;  // expected, of these
  AveragingTimes gradients_, parameters_;
};

}  // namespace drift
