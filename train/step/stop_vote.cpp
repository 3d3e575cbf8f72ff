#include "train/step/stop_vote.h"

#include <algorithm>

#include "core/check.h"
#include "engine/parameter_set.h"

namespace drift {

StopVote::StopVote(const std::atomic<bool>& stop, Backend& backend, Exchange* others)
    : stop_(stop), backend_(backend), others_(others) {
  if (others_ == nullptr) return;
  const auto processes = static_cast<std::size_t>(others_->processes());
  answers_.emplace(processes, backend_, others_);
  for (std::size_t process = 1; process <= processes; ++process) ends_.push_back(process);
}

void StopVote::take() {
  float asked = stop_.load(std::memory_order_relaxed) ? 1 : 0;
  if (others_ != nullptr) {
    const std::span<float> all = answers_->values();
    backend_.upload(&asked, as_tensor(all.subspan(static_cast<std::size_t>(others_->process()), 1)));
    others_->all_gather(all, ends_, backend_);
    asked = std::ranges::max(downloaded(all, backend_));
  }
  DRIFT_CHECK(kStopped, asked == 0, "stopped by a signal");
}

}  // namespace drift
