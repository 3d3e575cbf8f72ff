#include "train/step/worker.h"

#include <algorithm>

#include "core/log.h"
#include "core/stopwatch.h"

namespace drift {
namespace {

Sgd optimizer_of(const OptimizerConfig& config) {
  return {.momentum = static_cast<float>(config.momentum),
          .weight_decay = static_cast<float>(config.weight_decay),
          .nesterov = config.nesterov,
          .decay_norm_and_bias = config.decay_norm_and_bias,
          .clip_grad_norm = config.clip_grad_norm};
}

LoaderConfig loading_of(const TrainConfig& config, int worker, bool images) {
  return {.worker = worker,
          .augmentation = config.data.augmentation,
          .label_noise = static_cast<float>(config.data.label_noise),
          .images = images};
}

bool captures(const TrainConfig& config, const Stream& stream) {
  return config.machine.captures_steps() && stream.can_capture();
}

}  // namespace

Worker::Worker(const TrainConfig& config, int id, const DataSource& data, const Sampler& sampler, Device device,
               int threads, LoaderPool& loading, int workers, const ResidentImages* images,
               std::shared_ptr<MemorySource> source)
    : id_(id),
      precision_(config.machine.precision),
      normalisation_(data.normalisation),
      label_smoothing_(static_cast<float>(config.data.label_smoothing)),
      stream_(make_stream(device, threads)),
      backend_(make_backend(*stream_, backend_options(config.machine, workers))),
      model_(make_model(config.model)),
      optimizer_(optimizer_of(config.optimizer)),
      loader_(std::make_unique<Loader>(*data.train, sampler, loading_of(config, id, images == nullptr), loading)),
      clip_scale_(device, sizeof(float)),
      batch_memory_(device, data.train->image_shape(), config.sync.local_batch, images, /*steady=*/true),
      result_(device, 3 * sizeof(float)),
      results_(device),
      finite_check_(device),
      gradients_(*stream_, captures(config, *stream_)),
      update_(*stream_, captures(config, *stream_)),
      local_step_(*stream_, captures(config, *stream_)) {
  model_->parameters.allocate(*backend_, /*with_training_state=*/true, std::move(source));
  model_->parameters.initialise(*backend_, config.seed);
  if (config.sync.measures_rounds()) telemetry_.emplace(device, /*follows_mean=*/id == 0);
}

void Worker::round_begins() {
  if (telemetry_) telemetry_->round_begins(model_->parameters, *backend_);
}

void Worker::before_average() {
  if (telemetry_) telemetry_->before_average(model_->parameters, *backend_);
}

void Worker::after_average() {
  if (telemetry_) telemetry_->after_average(model_->parameters, *backend_);
}

const Batch& Worker::next_batch() {
  const Span span(*backend_, "batch");
  Stopwatch watch;
  const Batch& batch = loader_->next();
  times_.data_seconds += watch.lap();
  return batch;
}

void Worker::upload(const Batch& batch, double lr) {
  Stopwatch watch;
  batch_ = batch_memory_.upload(batch, *backend_, static_cast<float>(lr));
  times_.forward_seconds += watch.lap();
}

void Worker::enqueue_gradients(MemoryPool& pool) {
  Tape tape(*backend_, pool, precision_, kTraining);
  const Tensor result = drift::forward_backward(tape, *model_, batch_, normalisation_, label_smoothing_, &times_);
  backend_->copy(result.view(), {.data = result_.data(), .shape = {3}});
}

void Worker::enqueue_update() {
  optimizer_.update(*backend_, model_->parameters, batch_.rate, {.data = clip_scale_.data(), .shape = {1}});
}

template <class Work>
void Worker::run_with_result(CapturedSegment& segment, const MemoryPool& pool, const Work& work) {
  const bool replays = segment.is_captured();  // then the parts of `work` do not time themselves
  Stopwatch watch;
  segment.run(&pool, work);
  if (replays) times_.forward_seconds += watch.lap();
  send_result_home();
}

void Worker::send_result_home() {
  results_.put({.data = result_.data(), .shape = {3}}, *backend_);
}

void Worker::forward_backward(const Batch& batch, double lr, MemoryPool& pool) {
  const Span span(*backend_, "forward and backward");
  upload(batch, lr);
  run_with_result(gradients_, pool, [&] { enqueue_gradients(pool); });
}

void Worker::update() {
  const Span span(*backend_, "update");
  Stopwatch watch;
  update_.run(nullptr, [&] { enqueue_update(); });
  times_.update_seconds += watch.lap();
}

void Worker::local_step(const Batch& batch, double lr, MemoryPool& pool) {
  const Span span(*backend_, "local step");
  upload(batch, lr);
  run_with_result(local_step_, pool, [&] {
    enqueue_gradients(pool);
    const Span update_span(*backend_, "update");
    Stopwatch update_watch;
    enqueue_update();
    times_.update_seconds += update_watch.lap();
  });
}

bool Worker::synchronous_step(const Batch& batch, double lr, MemoryPool& pool, JointSegment& segment, int place,
                              const std::function<void()>& average, const std::function<void()>& meet) {
  const Span span(*backend_, "synchronous step");
  upload(batch, lr);
  Stopwatch watch;
  const bool called = segment.run(
      place, pool,
      [&] {
        enqueue_gradients(pool);
        average();
        const Span update_span(*backend_, "update");
        enqueue_update();
      },
      meet);
  if (!called) times_.forward_seconds += watch.lap();  // else its parts have timed themselves
  send_result_home();
  return called;
}

std::int64_t Worker::results_due() const {
  const std::int64_t behind = stream_->can_capture() ? ResultRing::kCapacity - 1 : 0;
  return std::max<std::int64_t>(0, results_.waiting() - behind);
}

int loader_threads(const MachineConfig& config, const Dataset& dataset, int threads) {
  return config.loader_threads.value_or(dataset.in_memory() ? 0 : threads);
}

BackendOptions backend_options(const MachineConfig& config, int workers) {
  BackendOptions options{.convolutions = config.convolutions,
                         .tf32 = config.tf32,
                         .time_plans = config.time_plans,
                         .plan_file = config.plan_file,
                         .batch_norm = config.batch_norm,
                         .nccl_multiprocessors = config.nccl_multiprocessors,
                         .backends_on_device = workers,
                         .op_times = config.op_times};
  if (config.explain_plans) options.explain_plan = [](std::string_view line) { log_info("{}", line); };
  return options;
}

}  // namespace drift
