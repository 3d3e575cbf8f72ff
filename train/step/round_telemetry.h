// RoundTelemetry: how far the workers are apart when a round ends, and how far its average went. One worker measures
// its own part on its device around the average; the numbers come home later, so that nobody waits. No bit of training
// changes: the replica's own parameters wait in its gradient arena, which the next step fills anew.
#pragma once

#include <deque>
#include <optional>

#include "engine/parameter_set.h"
#include "train/step/buckets.h"
#include "train/step/download_ring.h"

namespace drift {

// Of parameters, as one vector. What is not known is NaN.
struct RoundDistances {
  double from_mean = 0;  // |theta_k - mean|^2
  double moved = 0;      // |mean - mean of the round before|^2
  double norm = 0;       // |mean|^2
};

class RoundTelemetry {
 public:
  // follows_mean: it remembers the mean of the round before, for which it needs memory of a value arena. One worker of
  // a team does; of the others only from_mean is known.
  RoundTelemetry(Device device, bool follows_mean);

  // All replicas are equal: a round begins.
  void round_begins(const ParameterSet& replica, Backend& backend);
  // The gradients of this range are not needed any more.
  void before_average(const ParameterSet& replica, const ArenaRange& range, Backend& backend);
  void after_average(const ParameterSet& replica, Backend& backend);

  // There was no round before.
  void forget() { remembers_ = false; }

  // Rounds measured and not taken; at most DownloadRing::kCapacity.
  std::int64_t waiting() const { return arrivals_.waiting(); }
  // Of the oldest; waits for it.
  RoundDistances take();

 private:
  void remember(const ParameterSet& replica, Backend& backend);

  Device device_;
  bool follows_mean_;
  bool remembers_ = false;
  std::optional<Storage> mean_before_;  // float32, once a round has begun
  Storage results_;                     // float32 [3]
  DownloadRing arrivals_;
  std::deque<bool> has_moved_;  // of those that wait
};

}  // namespace drift
