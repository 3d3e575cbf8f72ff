// RoundTelemetry: how far the workers are apart when a round ends, and how far its average went. One worker measures
// its own part on its device around the average; the numbers come home later, so that nobody waits. No bit of training
// changes: the replica's own parameters wait in its gradient arena, which the next step fills anew.
#pragma once

#include <deque>
#include <optional>

#include "engine/parameter_set.h"

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
  // The gradients are not needed any more.
  void before_average(const ParameterSet& replica, Backend& backend);
  void after_average(const ParameterSet& replica, Backend& backend);

  // Rounds measured and not taken; at most kCapacity.
  std::int64_t waiting() const { return measured_ - taken_; }
  // Of the oldest; waits for it.
  RoundDistances take();

  static constexpr std::int64_t kCapacity = 8;

 private:
  struct Arrival {
    explicit Arrival(Device device) : floats(device, 3 * sizeof(float)), arrived(device) {}
    HostMemory floats;
    Event arrived;
    bool has_moved = false;
  };
  Arrival& arrival(std::int64_t number) { return arrivals_[static_cast<std::size_t>(number % kCapacity)]; }
  void remember(const ParameterSet& replica, Backend& backend);

  Device device_;
  bool follows_mean_;
  bool remembers_ = false;
  std::optional<Storage> mean_before_;  // float32, once a round has begun
  Storage results_;                     // float32 [3]
  std::deque<Arrival> arrivals_;
  std::int64_t measured_ = 0, taken_ = 0;
};

}  // namespace drift
