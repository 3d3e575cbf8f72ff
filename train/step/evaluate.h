// Evaluation of one model on one data set, and re-estimation of its batch-norm statistics. Both read images straight
// from the data set, in an order that depends on their arguments alone: neither touches a loader or anything else that
// training goes on with. Processes of a team that have the same model share the batches out; what each batch gives is
// then put together in the order of batches, everywhere, so the result has the bits of one process. Both throw
// kStopped, in all processes, before the next batch once `stop` turns true in one of them.
#pragma once

#include "comm/exchange.h"
#include "data/dataset.h"
#include "data/loader_pool.h"
#include "data/sampler.h"
#include "engine/memory_pool.h"
#include "models/registry.h"
#include "train/config/config.h"
#include "train/step/batch_memory.h"
#include "train/step/stop_vote.h"

namespace drift {

struct Evaluation {
  std::int64_t correct = 0, correct_top5 = 0, total = 0;
  double loss = 0;  // mean over the set
  double top1() const { return total == 0 ? 0 : static_cast<double>(correct) / static_cast<double>(total); }
  double top5() const { return total == 0 ? 0 : static_cast<double>(correct_top5) / static_cast<double>(total); }
};

// Stored statistics, no augmentation, batches of `batch` (the last one may be smaller). Images that the data set leaves
// out do not count; throws kData where none is left. loading: prepares the batches. others: the processes that
// share the work, or nullptr.
Evaluation evaluate(const Model& model, const Dataset& dataset, const Normalisation& normalisation, DType precision,
                    std::int64_t batch, Backend& backend, MemoryPool& pool, LoaderPool& loading,
                    Exchange* others = nullptr, const std::atomic<bool>& stop = kNobodyStops);

// Replaces the running statistics by the plain mean, over config.sync.scope.bn_batches training batches of B_loc, drawn
// without replacement and augmented as in training, of the batch means and of the unbiased batch variances, summed in
// the order of batches; the variance of the means is not added. The batches are a function of (seed, step). A model
// without buffers is left as it is. images: `dataset`'s where they lie on the device, or nullptr.
void reestimate_batch_norm(const Model& model, const Dataset& dataset, const Normalisation& normalisation,
                           const TrainConfig& config, Step step, Backend& backend, MemoryPool& pool,
                           LoaderPool& loading, const ResidentImages* images = nullptr, Exchange* others = nullptr,
                           const std::atomic<bool>& stop = kNobodyStops);

}  // namespace drift
