#include "train/batch_loss.h"

#include <array>
#include <cmath>

#include "core/check.h"

namespace drift {

Tensor forward_logits(Tape& tape, const Model& model, const BatchView& batch, const Normalisation& normalisation) {
  const auto n = static_cast<std::int64_t>(batch.labels.size());
  const Shape shape{n, batch.image[0], batch.image[1], batch.image[2]};
  DRIFT_ASSERT(
      static_cast<std::int64_t>(batch.images.size()) == shape.elements() && batch.crops.size() == batch.labels.size(),
      "a batch of {} labels has {} image bytes for {} and {} crops", n, batch.images.size(), to_string(shape),
      batch.crops.size());
  Tensor x = tape.scratch(shape, tape.activation());
  {
    const Tensor pixels = tape.scratch(shape, DType::kUint8);
    tape.backend().upload(batch.images.data(), pixels.view());
    tape.backend().augment({.images = pixels.view(),
                            .y = x.view(),
                            .crops = batch.crops,
                            .pad = kCropPad,
                            .mean = normalisation.mean,
                            .std = normalisation.std});
  }
  return model.network->forward(tape, x);
}

Tensor forward_loss(Tape& tape, const Model& model, const BatchView& batch, const Normalisation& normalisation) {
  const Tensor logits = forward_logits(tape, model, batch, normalisation);
  const Tensor labels = tape.scratch(Shape{static_cast<std::int64_t>(batch.labels.size())}, DType::kInt32);
  tape.backend().upload(batch.labels.data(), labels.view());
  return softmax_cross_entropy(tape, logits, labels);
}

BatchScore read_score(const Tensor& result, Backend& backend) {
  std::array<float, 3> host{};
  backend.download(result.view(), host.data());
  return {.loss = host[0], .correct = std::llround(host[1]), .correct_top5 = std::llround(host[2])};
}

}  // namespace drift
