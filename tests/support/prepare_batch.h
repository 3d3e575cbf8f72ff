// One batch of training, made here and now.
#pragma once

#include "data/loader.h"

namespace drift::testing {

inline void prepare_batch(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config, std::int64_t step,
                          Batch& batch) {
  const TrainingBatches batches(dataset, sampler, config);
  batches.begin(step, batch);
  for (std::size_t sample = 0; sample < batch.labels.size(); ++sample) batches.read(sample, batch);
  batches.end(batch);
}

}  // namespace drift::testing
