// StopVote: processes that share out a piece of work give it up together, between the same two batches, as soon as one
// of them is asked to stop. Their answers go the way of the work's results, so that nobody waits for who has left.
#pragma once

#include <atomic>
#include <optional>
#include <vector>

#include "train/step/device_floats.h"

namespace drift {

// For work that is never given up.
inline const std::atomic<bool> kNobodyStops{false};

class StopVote {
 public:
  // stop: of this process. others: those that share the work, or nullptr. All three must outlive it.
  StopVote(const std::atomic<bool>& stop, Backend& backend, Exchange* others);
  // Called by all of them before each batch. Throws kStopped in all of them if one was asked.
  void take();

 private:
  const std::atomic<bool>& stop_;
  Backend& backend_;
  Exchange* others_;
  std::optional<DeviceFloats> answers_;  // by process
  std::vector<std::size_t> ends_;        // of each process's part of them
};

}  // namespace drift
