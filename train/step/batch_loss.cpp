#include "train/step/batch_loss.h"

#include <array>
#include <cmath>

namespace drift {

BatchScore score_of(const float* result) {
  return {.loss = result[0], .correct = std::llround(result[1]), .correct_top5 = std::llround(result[2])};
}

Tensor forward_logits(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation) {
  const Shape& images = batch.images.shape;
  const Tensor x = tape.scratch({batch.labels.shape[0], images[1], images[2], images[3]}, tape.activation());
  tape.backend().augment({.images = batch.images,
                          .indices = batch.indices,
                          .crops = batch.crops,
                          .y = x.view(),
                          .pad = kCropPad,
                          .mean = normalisation.mean,
                          .std = normalisation.std});
  return model.network->forward(tape, x);
}

Tensor forward_loss(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation) {
  return softmax_cross_entropy(tape, forward_logits(tape, model, batch, normalisation), batch.labels);
}

BatchScore read_score(const Tensor& result, Backend& backend) {
  std::array<float, 3> host{};
  backend.download(result.view(), host.data());
  return score_of(host.data());
}

}  // namespace drift
