#include "data/sampler.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "core/check.h"
#include "core/rng.h"

namespace drift {
namespace {

// Two epochs are kept because workers cross an epoch's end at different times.
constexpr std::size_t kRecentEpochs = 2;

// Fisher-Yates with the epoch's own stream.
std::vector<std::uint32_t> shuffled(std::int64_t size, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::uint32_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0u);
  const Rng rng(seed, stream_id(Purpose::kShuffle, static_cast<std::uint64_t>(epoch)));
  for (std::size_t i = order.size() - 1; i > 0; --i) {
    std::swap(order[i], order[rng.below(i, static_cast<std::uint32_t>(i) + 1)]);
  }
  return order;
}

}  // namespace

Sampler::Sampler(const SamplerConfig& config) : config_(config) {
  DRIFT_CHECK(kConfig, config.workers >= 1 && config.local_batch >= 1,
              "the number of workers and the local batch must be at least 1, got {} and {}", config.workers,
              config.local_batch);
  DRIFT_CHECK(kConfig, config.steps_per_epoch >= 0, "steps per epoch must be at least 0, got {}",
              config.steps_per_epoch);
  DRIFT_CHECK(kConfig, config.dataset_size < std::numeric_limits<std::uint32_t>::max(),
              "a data set of {} images is too large: fewer than 2^32 - 1 can be sampled", config.dataset_size);
  const std::int64_t whole_steps = config.dataset_size / global_batch();
  DRIFT_CHECK(
      kConfig,
      whole_steps >= 1 ||
          (config.sampling == Sampling::kWithReplacement && config.steps_per_epoch > 0 && config.dataset_size >= 1),
      "the data set has {} images, fewer than one global batch of {} ({} workers with {} each): use fewer workers, "
      "a smaller local batch or more data",
      config.dataset_size, global_batch(), config.workers, config.local_batch);
  DRIFT_CHECK(
      kConfig, config.sampling == Sampling::kWithReplacement || config.steps_per_epoch <= whole_steps,
      "{} steps per epoch of {} images each are more than the {} there are: at most {} steps per epoch, or sample with "
      "replacement",
      config.steps_per_epoch, global_batch(), config.dataset_size, whole_steps);
  if (config_.steps_per_epoch == 0) config_.steps_per_epoch = whole_steps;
}

void Sampler::indices(std::int64_t step, int worker, std::span<std::int64_t> out) const {
  DRIFT_ASSERT(step >= 0 && worker >= 0 && worker < config_.workers, "step {}, worker {} of {}", step, worker,
               config_.workers);
  DRIFT_ASSERT(std::ssize(out) == config_.local_batch, "{} indices asked for, the local batch is {}", out.size(),
               config_.local_batch);
  const std::int64_t epoch = epoch_of(step);
  const std::int64_t first = first_position(step, worker);
  switch (config_.sampling) {
    case Sampling::kSequential:
      std::iota(out.begin(), out.end(), first);
      return;
    case Sampling::kWithReplacement: {
      const Rng rng(config_.seed, stream_id(Purpose::kReplacement, static_cast<std::uint64_t>(epoch)));
      auto position = static_cast<std::uint64_t>(first);
      for (std::int64_t& index : out) index = rng.below(position++, static_cast<std::uint32_t>(config_.dataset_size));
      return;
    }
    case Sampling::kWithoutReplacement: {
      const std::shared_ptr<const Permutation> order = permutation(epoch);
      std::copy_n(order->begin() + first, out.size(), out.begin());
      return;
    }
  }
}

std::shared_ptr<const Sampler::Permutation> Sampler::permutation(std::int64_t epoch) const {
  // Shuffling under the lock is meant: the other workers are about to ask for the same epoch.
  const std::lock_guard lock(mutex_);
  const auto found =
      std::find_if(recent_.begin(), recent_.end(), [&](const auto& entry) { return entry.first == epoch; });
  if (found != recent_.end()) return found->second;
  if (recent_.size() == kRecentEpochs) recent_.erase(recent_.begin());
  recent_.emplace_back(epoch, std::make_shared<Permutation>(shuffled(config_.dataset_size, config_.seed, epoch)));
  return recent_.back().second;
}

}  // namespace drift
