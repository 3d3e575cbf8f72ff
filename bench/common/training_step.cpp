#include "bench/common/training_step.h"

#include "core/rng.h"
#include "engine/tape.h"
#include "train/step/batch_loss.h"

namespace drift::bench {

TrainingStep::TrainingStep(const StepOptions& options)
    : stream_(make_stream(Device{}, options.threads)),
      backend_(make_backend(*stream_, {.convolutions = options.convolutions})),
      model_(make_model(options.model)),
      pool_(Device{}),
      precision_(options.precision) {
  constexpr std::uint64_t kSeed = 1;
  model_->parameters.allocate(*backend_);
  model_->parameters.initialise(*backend_, kSeed);
  const Shape& image = model_->input;
  const Rng random(kSeed, stream_id(Purpose::kImages));
  auto& [step, indices, images, labels, crops] = batch_;
  images.resize(static_cast<std::size_t>(options.batch * image.elements()));
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<std::uint8_t>(random.below(i, 256));
  labels.resize(static_cast<std::size_t>(options.batch));
  const auto classes = static_cast<std::size_t>(options.model.classes);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int32_t>(i % classes);
  batch_memory_ = std::make_unique<BatchMemory>(Device{}, image, options.batch);
}

double TrainingStep::run(Backend& backend) {
  Tape tape(backend, pool_, precision_, kTraining);
  constexpr Normalisation kNormalisation{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
  const DeviceBatch batch = batch_memory_->upload(batch_, backend, 0.01f);
  const Tensor result = forward_backward(tape, *model_, batch, kNormalisation);
  constexpr Sgd kSgd{.momentum = 0.9f, .weight_decay = 5e-4f};
  kSgd.update(backend, model_->parameters, batch.rate);
  return read_result(result, backend).loss;
}

}  // namespace drift::bench
