#include "train/step/batch_loss.h"

#include <array>
#include <cmath>
#include <optional>

#include "core/stopwatch.h"

namespace drift {

BatchResult result_of(const float* floats) {
  return {.loss = floats[0], .correct = std::llround(floats[1]), .correct_top5 = std::llround(floats[2])};
}

BatchResult read_result(const Tensor& result, Backend& backend) {
  std::array<float, 3> host{};
  backend.download(result.view(), host.data());
  return result_of(host.data());
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

Tensor forward_backward(Tape& tape, const Model& model, const DeviceBatch& batch, const Normalisation& normalisation,
                        float label_smoothing, StepTimes* times) {
  StepTimes spent;
  Stopwatch watch;
  Tensor result;
  {
    std::optional<Span> span;  // a pass that only goes forward is one phase, and its caller names it
    if (tape.records()) span.emplace(tape.backend(), "forward");
    const Tensor logits = forward_logits(tape, model, batch, normalisation);
    result = softmax_cross_entropy(tape, logits, batch.labels, label_smoothing);
  }
  spent.forward_seconds = watch.lap();
  if (tape.records()) {
    const Span span(tape.backend(), "backward");
    tape.backward();
    spent.backward_seconds = watch.lap();
  }
  if (times != nullptr) *times += spent;
  return result;
}

}  // namespace drift
