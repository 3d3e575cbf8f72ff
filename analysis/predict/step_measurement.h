// StepMeasurement: what predict() knows of a training step on one kind of machine: the times of a local step, when
// backward makes gradients final, how workers scatter, and what an average takes from the step beside its time on the
// wire. Measured (measure.h) or read from a file, which may have been written by hand.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/link.h"
#include "core/json_lines.h"
#include "engine/arena_range.h"
#include "models/registry.h"

namespace drift {

// What an average costs the workers that compute, over a network that takes no time: sums, copies, threads that are
// woken. Of all arenas that are averaged together.
struct AveragingCost {
  double per_bucket = 0, per_byte = 0;  // seconds; bytes of the arena
  double noise = 0;                     // seconds of an average: half an interval of 95 %
};

struct StepMeasurement {
  // A weight's place in the arenas, and when its gradient is final: seconds since backward began.
  struct Weight {
    std::int64_t begin = 0;
    double final = 0;
  };

  std::string model = {}, origin = {};  // origin: what was measured, when and where, for people
  int workers_per_process = 1;
  std::int64_t local_batch = 1;          // images
  double forward = 0, backward = 0;      // seconds of a local step, what is before backward and backward
  double update = 0;                     // and all else behind it
  double noise = 0;                      // of the whole: half an interval of 95 %
  double spread = 0;                     // standard deviation of a worker's step around that of all workers
  double round_end = 0;                  // seconds more in the last step of a round: telemetry, checks
  double message = 0;                    // that each message takes of its sender's link beside its bytes
  std::int64_t floats = 0, decayed = 0;  // of an arena; of them weights that decay, which come first
  std::vector<Weight> weights = {};      // those, by place
  LinkOptions link = {};                 // between the processes that were measured; a rate of 0: not known
  AveragingCost overlapped = {};         // where averages go on beside backward
  AveragingCost behind = {};             // where they begin behind it; one bucket

  double local() const { return forward + backward + update; }
  // The arenas in buckets of so many bytes, in their order.
  std::vector<ArenaRange> buckets(std::int64_t bytes) const;
};

// Places of weights, and when they are final where backward gives each multiply-add the same time: for measurements
// that say nothing of it. Sets floats, decayed and weights.
void take_network(const ModelOptions& model, StepMeasurement& measurement);

Json measurement_json(const StepMeasurement& measurement);
// Of a file with that, at its top or below "measurement". Throws kData, naming file and key, for what cannot be.
// Weights that it does not have are those of take_network(), with as many "classes" as the file says.
StepMeasurement read_measurement(const std::filesystem::path& path);

}  // namespace drift
