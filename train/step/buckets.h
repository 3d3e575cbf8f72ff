// Buckets: the parameter arenas of a replica, cut into ranges in the order in which backward makes their gradients
// final, so that one can be averaged while backward goes on with the next: weights from the arena's tail on, then all
// that is no weight (norm parameters and biases, few bytes). A function of the model and a size alone, the same in
// every process.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/arena_range.h"
#include "engine/parameter_set.h"

namespace drift {

// Of arenas of `all` floats whose first `weights` are weights, that begin at these places; rising.
std::vector<ArenaRange> cut_into_buckets(std::span<const std::int64_t> begins, std::int64_t weights, std::int64_t all,
                                         std::int64_t bytes);
// What --bucket-mb stands for in arenas of so many floats: 0 is 4 MB, or an eighth of them.
std::int64_t bucket_bytes(double megabytes, std::int64_t floats);

class Buckets {
 public:
  // Of at least `bytes`. What is left of the weights then is halved again and again, to an eighth of that: nothing of
  // backward is left to hide the last of them.
  Buckets(const ParameterSet& replica, std::int64_t bytes);

  const std::vector<ArenaRange>& ranges() const { return ranges_; }
  std::size_t of(const Parameter& parameter) const;
  // How many parameters each has.
  const std::vector<int>& parameters() const { return parameters_; }

 private:
  std::vector<ArenaRange> ranges_;
  std::vector<int> parameters_;
};

// Which buckets of one replica are final, in one backward pass.
class BucketProgress {
 public:
  explicit BucketProgress(const Buckets& buckets) : buckets_(buckets), missing_(buckets.parameters()) {}

  // Calls take(range) for each bucket that is final now, once, in their order.
  template <class Take>
  void parameter_final(const Parameter& parameter, const Take& take) {
    --missing_[buckets_.of(parameter)];
    for (; next_ < missing_.size() && missing_[next_] == 0; ++next_) take(buckets_.ranges()[next_]);
  }

 private:
  const Buckets& buckets_;
  std::vector<int> missing_;  // parameters, by bucket
  std::size_t next_ = 0;
};

}  // namespace drift
