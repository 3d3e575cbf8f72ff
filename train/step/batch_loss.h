// From a batch to its loss and gradients: augment, forward, softmax cross-entropy, backward. Training, evaluation, the
// re-estimation of batch-norm statistics, dry runs and benches all go through here, so they see the same pixels and do
// the same work.
#pragma once

#include <cstdint>
#include <functional>

#include "models/registry.h"
#include "train/step/batch_memory.h"
#include "train/step/phase_clock.h"

namespace drift {

// What the loss says of one batch.
struct BatchResult {
  double loss = 0;  // mean over the batch
  std::int64_t correct = 0, correct_top5 = 0;
};
// From the three floats of the loss op's result.
BatchResult result_of(const float* floats);
// Waits for it.
BatchResult read_result(const Tensor& result, Backend& backend);

// [N,classes] float32.
Tensor forward_logits(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation);
// Forward and loss, and backward if the tape records. Returns the loss op's result, float32 [3]. label_smoothing: of
// training alone. clock, if given, is told of both phases, is_final of each parameter's gradient (Tape::backward()).
Tensor forward_backward(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation,
                        float label_smoothing = 0, PhaseClock* clock = nullptr,
                        const std::function<void(const Parameter&)>& is_final = {});

}  // namespace drift
