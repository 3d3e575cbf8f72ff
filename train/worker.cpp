#include "train/worker.h"

#include "train/batch_loss.h"
#include "train/stopwatch.h"

namespace drift {

Worker::Worker(const TrainConfig& config, int id, const DataSource& data, const Sampler& sampler, Device device,
               int threads)
    : id_(id),
      precision_(config.precision),
      image_(data.train->image_shape()),
      normalisation_(data.normalisation),
      stream_(make_stream(device, threads)),
      backend_(make_backend(*stream_)),
      model_(make_model(config.model)),
      optimizer_{.momentum = static_cast<float>(config.optimizer.momentum),
                 .weight_decay = static_cast<float>(config.optimizer.weight_decay),
                 .nesterov = config.optimizer.nesterov,
                 .decay_norm_and_bias = config.optimizer.decay_norm_and_bias},
      loader_(std::make_unique<Loader>(*data.train, sampler,
                                       LoaderConfig{.worker = id,
                                                    .augmentation = config.augmentation,
                                                    .label_noise = static_cast<float>(config.label_noise),
                                                    .threads = config.loader_threads})) {
  model_->parameters.allocate(*backend_);
  model_->parameters.initialise(*backend_, config.seed);
}

BatchResult Worker::forward_backward(const Batch& batch, MemoryPool& pool) {
  Stopwatch watch;
  Tape tape(*backend_, pool, precision_, Mode::kTrain);
  const BatchView view{.images = batch.images, .labels = batch.labels, .crops = batch.crops, .image = image_};
  const Tensor result = forward_loss(tape, *model_, view, normalisation_);
  const double forward_seconds = watch.lap();
  tape.backward();
  const BatchScore score = read_score(result, *backend_);
  return {.loss = score.loss,
          .correct = score.correct,
          .forward_seconds = forward_seconds,
          .backward_seconds = watch.lap()};
}

void Worker::update(double lr) {
  optimizer_.update(*backend_, model_->parameters, static_cast<float>(lr));
}

}  // namespace drift
