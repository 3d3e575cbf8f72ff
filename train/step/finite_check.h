// FiniteCheck: whether the state of a replica is made of numbers. A NaN or an infinity in parameters shows in the next
// loss, but one in the running statistics or the momentum may stay unseen for long, and a checkpoint that holds one
// resumes to nothing. One pass over the arenas on their device; the answer is taken later, so that nobody waits.
#pragma once

#include <cstdint>
#include <string>

#include "engine/parameter_set.h"
#include "train/step/download_ring.h"

namespace drift {

// How many values are NaN or infinite.
struct NonFiniteCounts {
  std::int64_t parameters = 0, momentum = 0, statistics = 0;

  bool none() const { return parameters + momentum + statistics == 0; }
};
// "3 of the parameters, 16 of the batch-norm statistics"
std::string to_string(const NonFiniteCounts& counts);

class FiniteCheck {
 public:
  explicit FiniteCheck(Device device);

  // Counts in the arenas that `state` has. One answer at a time may wait to be taken.
  void enqueue(const ParameterSet& state, Backend& backend);
  bool waiting() const { return answers_.waiting() > 0; }
  // Waits for the answer.
  NonFiniteCounts take();

 private:
  static constexpr std::size_t kArenas = 3;
  Storage counts_;  // float32 [3]
  DownloadRing answers_;
};

// The answer at once.
NonFiniteCounts count_non_finite(const ParameterSet& state, Backend& backend);

}  // namespace drift
