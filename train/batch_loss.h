// From a batch on the host to its loss: upload, augment, forward, softmax cross-entropy. Training, evaluation and the
// re-estimation of batch-norm statistics all read their images through here, so they see the same pixels.
#pragma once

#include <cstdint>
#include <span>

#include "data/dataset.h"
#include "data/loader.h"
#include "models/registry.h"

namespace drift {

struct BatchView {
  std::span<const std::uint8_t> images;  // [N,H,W,3]
  std::span<const std::int32_t> labels;  // [N]
  std::span<const Crop> crops;           // [N], in images padded by kCropPad
  Shape image;                           // [H,W,3]
};

// What softmax_cross_entropy leaves, on the host.
struct BatchScore {
  double loss = 0;  // mean over the batch
  std::int64_t correct = 0, correct_top5 = 0;
};

// [N,classes] float32.
Tensor forward_logits(Tape& tape, const Model& model, const BatchView& batch, const Normalisation& normalisation);
// The loss op's result, float32 [3]; `tape` is then ready to run backward if it records.
Tensor forward_loss(Tape& tape, const Model& model, const BatchView& batch, const Normalisation& normalisation);
BatchScore read_score(const Tensor& result, Backend& backend);

}  // namespace drift
