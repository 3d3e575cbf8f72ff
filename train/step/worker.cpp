#include "train/step/worker.h"

#include "core/check.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "train/step/batch_loss.h"

namespace drift {

Worker::Worker(const TrainConfig& config, int id, const DataSource& data, const Sampler& sampler, Device device,
               int threads, const ResidentImages* images)
    : id_(id),
      precision_(config.precision),
      normalisation_(data.normalisation),
      stream_(make_stream(device, threads)),
      capture_(config.captures_steps() && stream_->can_capture()),
      backend_(make_backend(*stream_, backend_options(config))),
      model_(make_model(config.model)),
      optimizer_{.momentum = static_cast<float>(config.optimizer.momentum),
                 .weight_decay = static_cast<float>(config.optimizer.weight_decay),
                 .nesterov = config.optimizer.nesterov,
                 .decay_norm_and_bias = config.optimizer.decay_norm_and_bias},
      loader_(std::make_unique<Loader>(*data.train, sampler,
                                       LoaderConfig{.worker = id,
                                                    .augmentation = config.augmentation,
                                                    .label_noise = static_cast<float>(config.label_noise),
                                                    .threads = config.loader_threads,
                                                    .images = images == nullptr})),
      lr_(device),
      batch_memory_(device, data.train->image_shape(), config.sync.local_batch, images),
      result_(device, 3 * sizeof(float)) {
  for (int slot = 0; slot <= kResultsBehind; ++slot) slots_.emplace_back(device);
  model_->parameters.allocate(*backend_);
  model_->parameters.initialise(*backend_, config.seed);
}

template <class Work>
void Worker::run(Piece piece, const MemoryPool* pool, const Work& work) {
  Captured& captured = captured_[piece];
  if (!capture_ || !captured.ran) {
    work();
    captured.ran = true;
    return;
  }
  if (!captured.work) {
    captured.work = stream_->capture(work);
    captured.pool = pool;
  }
  DRIFT_ASSERT(captured.pool == pool, "worker {}: its captured step uses the memory of another pool", id_);
  captured.work->replay();
}

StepTimes Worker::enqueue_gradients(MemoryPool& pool) {
  Stopwatch watch;
  StepTimes times;
  Tape tape(*backend_, pool, precision_, Mode::kTrain);
  {
    const Span span(*backend_, "forward");
    const Tensor result = forward_loss(tape, *model_, batch_, normalisation_);
    backend_->copy(result.view(), {.data = result_.data(), .shape = {3}});
  }
  times.forward_seconds = watch.lap();
  {
    const Span span(*backend_, "backward");
    tape.backward();
  }
  times.backward_seconds = watch.lap();
  return times;
}

void Worker::enqueue_update() {
  optimizer_.update(*backend_, model_->parameters, lr_.view());
}

StepTimes Worker::step(Piece piece, const Batch& batch, double lr, MemoryPool& pool) {
  DRIFT_ASSERT(results_made_ - results_taken_ < std::ssize(slots_), "worker {}: {} results wait to be taken", id_,
               results_made_ - results_taken_);
  const Span span(*backend_, piece == kLocalStep ? "local step" : "forward and backward");
  Stopwatch watch;
  lr_.set(*backend_, static_cast<float>(lr));
  batch_ = batch_memory_.upload(view_of(batch), *backend_);
  const double upload_seconds = watch.lap();
  StepTimes times;
  run(piece, &pool, [&] {
    times = enqueue_gradients(pool);
    if (piece != kLocalStep) return;
    Stopwatch update_watch;
    const Span update_span(*backend_, "update");
    enqueue_update();
    times.update_seconds = update_watch.lap();
  });
  Slot& slot = slots_[static_cast<std::size_t>(results_made_++) % slots_.size()];
  backend_->download_async({.data = result_.data(), .shape = {3}}, slot.floats);
  slot.arrived.record(*stream_);
  times.forward_seconds += upload_seconds;
  if (capture_ && captured_[piece].work) times = {.forward_seconds = upload_seconds + watch.lap()};
  return times;
}

StepTimes Worker::forward_backward(const Batch& batch, double lr, MemoryPool& pool) {
  return step(kGradients, batch, lr, pool);
}

StepTimes Worker::local_step(const Batch& batch, double lr, MemoryPool& pool) {
  return step(kLocalStep, batch, lr, pool);
}

void Worker::update() {
  const Span span(*backend_, "update");
  run(kUpdate, nullptr, [&] { enqueue_update(); });
}

BackendOptions backend_options(const TrainConfig& config) {
  BackendOptions options{.tf32 = config.tf32, .plan_file = config.plan_file, .op_times = config.op_times};
  if (config.explain_plans) options.explain_plan = [](std::string_view line) { log_info("{}", line); };
  return options;
}

BatchResult Worker::take_result() {
  DRIFT_ASSERT(results_taken_ < results_made_, "worker {}: no result is waiting", id_);
  const Slot& slot = slots_[static_cast<std::size_t>(results_taken_++) % slots_.size()];
  slot.arrived.synchronize();
  const BatchScore score = score_of(static_cast<const float*>(slot.floats.data()));
  return {.loss = score.loss, .correct = score.correct};
}

}  // namespace drift
