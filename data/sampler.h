// Sampler: which samples worker k reads at step t. A pure function of (config, step, worker): nothing to save in a
// checkpoint. The epoch's permutation is shared by all K workers; worker k takes positions [j B + k B_loc, + B_loc) of
// it at the epoch's step j, with B = K B_loc. What does not fill a step is dropped each epoch. The samples do not
// depend on where workers run.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

namespace drift {

enum class Sampling : std::uint8_t { kWithoutReplacement, kWithReplacement, kSequential };

struct SamplerConfig {
  Sampling sampling = Sampling::kWithoutReplacement;
  std::uint64_t seed = 0;
  std::int64_t dataset_size = 0;
  int workers = 1;                   // K
  std::int64_t local_batch = 1;      // B_loc
  std::int64_t steps_per_epoch = 0;  // 0: floor(dataset_size / B)
};

class Sampler {
 public:
  // Throws kConfig when the dataset is smaller than one global batch, or when steps_per_epoch asks for more samples
  // than there are. Both are allowed with replacement, where steps_per_epoch is given and the dataset is not empty.
  explicit Sampler(const SamplerConfig& config);

  std::int64_t steps_per_epoch() const { return config_.steps_per_epoch; }
  std::int64_t global_batch() const { return config_.local_batch * config_.workers; }
  std::int64_t epoch_of(std::int64_t step) const { return step / config_.steps_per_epoch; }
  const SamplerConfig& config() const { return config_; }

  // The worker's first position in the epoch's order: j B + k B_loc at the epoch's step j.
  std::int64_t first_position(std::int64_t step, int worker) const {
    return step % config_.steps_per_epoch * global_batch() + worker * config_.local_batch;
  }

  // Fills the B_loc dataset indices at positions first_position() onwards. Callable from any thread.
  void indices(std::int64_t step, int worker, std::span<std::int64_t> out) const;

 private:
  using Permutation = std::vector<std::uint32_t>;
  std::shared_ptr<const Permutation> permutation(std::int64_t epoch) const;

  SamplerConfig config_;
  // A cache of the latest epochs' permutations, not state: indices() returns the same without it.
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<std::int64_t, std::shared_ptr<const Permutation>>> recent_;
};

}  // namespace drift
