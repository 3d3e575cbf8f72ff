#include "train/step/batch_loss.h"

#include <array>
#include <cmath>
#include <optional>

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
                        float label_smoothing, PhaseClock* clock,
                        const std::function<void(const Parameter&)>& is_final) {
  Backend& backend = tape.backend();
  Tensor result;
  if (clock != nullptr) clock->begin(StepPhase::kForward, backend);
  {
    std::optional<Span> span;  // a pass that only goes forward is one phase, and its caller names it
    if (tape.records()) span.emplace(backend, "forward");
    const Tensor logits = forward_logits(tape, model, batch, normalisation);
    result = softmax_cross_entropy(tape, logits, batch.labels, label_smoothing);
  }
  if (clock != nullptr) clock->end(StepPhase::kForward, backend);
  if (tape.records()) {
    const Span span(backend, "backward");
    tape.backward(is_final);
    if (clock != nullptr) clock->end(StepPhase::kBackward, backend);
  }
  return result;
}

}  // namespace drift
