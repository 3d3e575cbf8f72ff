// Evaluation of one model on one data set, and re-estimation of its batch-norm statistics.
#pragma once

#include "data/dataset.h"
#include "data/sampler.h"
#include "engine/memory_pool.h"
#include "models/registry.h"
#include "train/config.h"

namespace drift {

struct Evaluation {
  std::int64_t correct = 0, correct_top5 = 0, total = 0;
  double loss = 0;  // mean over the set
  double top1() const { return total == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(total); }
};

// Stored statistics, no augmentation, batches of `batch` (the last one may be smaller).
Evaluation evaluate(const Model& model, const Dataset& dataset, const Normalisation& normalisation, DType precision,
                    std::int64_t batch, Backend& backend, MemoryPool& pool);

// Replaces the running statistics by the plain mean, over `batches` training batches of local_batch with the given augmentation, of the
// batch means and of the unbiased batch variances (the momentum at batch i is 1/(1+i)); the variance of the means is not added. The
// batches are a function of (seed, step).
void reestimate_batch_norm(const Model& model, const Dataset& dataset, const Normalisation& normalisation,
                           const TrainConfig& config, Step step, Backend& backend, MemoryPool& pool);

}  // namespace drift
