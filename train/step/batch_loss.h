// From a batch to its loss: augment, forward, softmax cross-entropy. Training, evaluation and the re-estimation of
// batch-norm statistics all read their images through here, so they see the same pixels.
#pragma once

#include <cstdint>

#include "models/registry.h"
#include "train/step/batch_memory.h"

namespace drift {

// What softmax_cross_entropy leaves, on the host.
struct BatchScore {
  double loss = 0;  // mean over the batch
  std::int64_t correct = 0, correct_top5 = 0;
};
// From the three floats of the loss op's result.
BatchScore score_of(const float* result);

// [N,classes] float32.
Tensor forward_logits(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation);
// The loss op's result, float32 [3]; `tape` is then ready to run backward if it records.
Tensor forward_loss(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation);
// Waits for it.
BatchScore read_score(const Tensor& result, Backend& backend);

}  // namespace drift
