#include "train/step/worker.h"

#include <algorithm>

#include "core/log.h"
#include "core/stopwatch.h"
#include "kernels/observed/slow_backend.h"
#include "train/step/device_moments.h"
#include "train/step/step_parts.h"

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

std::unique_ptr<Backend> backend_of(Stream& stream, const MachineConfig& config, int worker, int workers) {
  std::unique_ptr<Backend> backend = make_backend(stream, backend_options(config, workers));
  const std::vector<Straggler> slow = config.stragglers();
  const auto mine = std::ranges::find(slow, worker, &Straggler::worker);
  if (mine != slow.end()) backend = std::make_unique<SlowBackend>(std::move(backend), mine->factor);
  if (!config.profiles()) return backend;
  std::unique_ptr<Moments> moments;
  if (stream.device().type == DeviceType::kCpu) {
    moments = std::make_unique<HostMoments>();
  } else {
    moments = std::make_unique<DeviceMoments>(*backend);
  }
  return std::make_unique<OpRecorder>(std::move(backend), kStepParts, std::move(moments),
                                      config.profile_kernels ? make_kernel_watch(stream.device()) : nullptr);
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
      backend_(backend_of(*stream_, config.machine, id, workers)),
      recorder_(dynamic_cast<OpRecorder*>(backend_.get())),
      model_(make_model(config.model)),
      optimizer_(optimizer_of(config.optimizer)),
      loader_(std::make_unique<Loader>(*data.train, sampler, loading_of(config, id, images == nullptr), loading)),
      clip_scale_(device, sizeof(float)),
      batch_memory_(device, data.train->image_shape(), config.sync.local_batch, images, /*steady=*/true),
      result_(device, 3 * sizeof(float)),
      results_(device, 3 * sizeof(float)),
      finite_check_(device),
      more_arenas_(config.sync.more_arenas()),
      outer_config_(config.sync.outer),
      gradients_(*stream_, recorder_, captures(config, *stream_)),
      update_(*stream_, recorder_, captures(config, *stream_)),
      local_step_(*stream_, recorder_, captures(config, *stream_)),
      clock_(device) {
  model_->parameters.allocate(*backend_, /*with_training_state=*/true, source);
  model_->parameters.initialise(*backend_, config.seed);
  if (config.sync.measures_rounds()) telemetry_.emplace(device, /*follows_mean=*/id == 0);
  if (config.sync.keeps_round_start()) round_start_.emplace(model_->parameters, *backend_);
  if (outer_config_.kind != Outer::kNone) outer_.emplace(model_->parameters, *backend_);
  if (config.sync.compresses()) {
    compression_.emplace(model_->parameters, config.sync.wire.error_feedback, *backend_);
  }
  if (config.sync.fragment_delay > 0) delayed_.emplace(model_->parameters, *backend_, source);
}

void Worker::round_begins(const ArenaRange& range) {
  if (telemetry_) telemetry_->round_begins(model_->parameters, *backend_);
  if (!round_start_) return;
  backend_->copy(as_tensor(range.of(model_->parameters.values())), as_tensor(range.of(round_start())));
}

void Worker::outer_update(const ArenaRange& range, double rate_change) {
  if (!outer_) return;
  const Span span(*backend_, "outer update");
  const double momentum = outer_config_.momentum * (outer_config_.kind == Outer::kSlowMo ? rate_change : 1);
  outer_->update(model_->parameters, range, round_start(), static_cast<float>(outer_config_.lr),
                 static_cast<float>(momentum), outer_config_.kind == Outer::kNesterov, *backend_);
}

void Worker::compress_gradients(const ArenaRange& range) {
  if (compression_) compression_->gradients(model_->parameters, range, *backend_);
}

void Worker::compress_parameters(const ArenaRange& range) {
  if (compression_) compression_->parameters(model_->parameters, range, round_start(), *backend_);
}

void Worker::decompress_parameters(const ArenaRange& range) {
  if (compression_) compression_->add_start(model_->parameters, range, round_start(), *backend_);
}

void Worker::forget_wire_error() {
  if (compression_) compression_->forget(*backend_);
}

void Worker::before_average(const ArenaRange& range) {
  if (telemetry_) telemetry_->before_average(model_->parameters, range, *backend_);
}

void Worker::after_average() {
  if (telemetry_) telemetry_->after_average(model_->parameters, *backend_);
}

void Worker::rehearse_round() {
  round_begins();
  before_average(all());
  compress_gradients(all());
  if (round_start_) {
    compress_parameters(all());
    decompress_parameters(all());
  }
  after_average();
  outer_update(all(), 1);
  if (delayed_) {
    delayed_->restore({}, *backend_);
    delayed_->send(parameters(), all(), *backend_);
    delayed_->arrived(*backend_);
    delayed_->mix(parameters(), *backend_);
  }
  if (!telemetry_) return;
  (void)telemetry_->take();
  telemetry_->forget();
}

const Batch& Worker::next_batch() {
  const Span span(*backend_, "batch");
  const Lap lap(host_times_.data_seconds);
  return loader_->next();
}

void Worker::upload(const Batch& batch, double lr) {
  phase_begins(StepPhase::kUpload);
  batch_ = batch_memory_.upload(batch, *backend_, static_cast<float>(lr));
  phase_ends(StepPhase::kUpload);
}

void Worker::enqueue_gradients(MemoryPool& pool, const OnFinal& on_final) {
  Tape tape(*backend_, pool, precision_, kTraining);
  std::function<void(const Parameter&)> is_final;
  std::optional<BucketProgress> progress;
  if (on_final) {
    progress.emplace(*buckets_);
    is_final = [&](const Parameter& parameter) { progress->parameter_final(parameter, on_final); };
  }
  const Tensor result =
      drift::forward_backward(tape, *model_, batch_, normalisation_, label_smoothing_, &clock_, is_final);
  backend_->copy(result.view(), {.data = result_.data(), .shape = {3}});
}

void Worker::enqueue_update() {
  optimizer_.update(*backend_, model_->parameters, batch_.rate, {.data = clip_scale_.data(), .shape = {1}});
  phase_ends(StepPhase::kUpdate);
}

void Worker::send_result_home() {
  results_.put({.data = result_.data(), .shape = {3}}, *backend_);
}

void Worker::forward_backward(const Batch& batch, double lr, MemoryPool& pool, const OnFinal& on_final) {
  const Span span(*backend_, "forward and backward");
  const Lap lap(host_times_.enqueue_seconds);
  upload(batch, lr);
  gradients_.run(&pool, [&] { enqueue_gradients(pool, on_final); });
  send_result_home();
}

void Worker::update() {
  const Span span(*backend_, "update");
  const Lap lap(host_times_.enqueue_seconds);
  update_.run(nullptr, [&] {
    phase_begins(StepPhase::kUpdate);
    enqueue_update();
  });
}

void Worker::enqueue_local_step(MemoryPool& pool, const OnFinal& on_final) {
  if (on_final && optimizer_.clip_grad_norm == 0) {
    enqueue_gradients(pool, [&](const ArenaRange& range) {
      optimizer_.update_range(*backend_, model_->parameters, batch_.rate, range);
      on_final(range);
    });
    phase_ends(StepPhase::kUpdate);
    return;
  }
  enqueue_gradients(pool);
  {
    const Span span(*backend_, "update");
    enqueue_update();
  }
  if (!on_final) return;
  for (const ArenaRange& range : buckets_->ranges()) on_final(range);
}

void Worker::local_step(const Batch& batch, double lr, MemoryPool& pool, const OnFinal& on_final) {
  const Span span(*backend_, "local step");
  const Lap lap(host_times_.enqueue_seconds);
  upload(batch, lr);
  local_step_.run(&pool, [&] { enqueue_local_step(pool, on_final); });
  send_result_home();
}

bool Worker::joint_step(const Batch& batch, double lr, MemoryPool& pool, JointSegment& segment, int place,
                        const Averaging& averaging) {
  const Span span(*backend_, averaging.sync == Sync::kGradients ? "synchronous step" : "round end");
  const Lap lap(host_times_.enqueue_seconds);
  upload(batch, lr);
  const auto work = [&] {
    if (averaging.sync == Sync::kParameters) {
      enqueue_local_step(pool, averaging.on_final);
      averaging.average();
      return;
    }
    enqueue_gradients(pool, averaging.on_final);
    averaging.average();
    const Span update_span(*backend_, "update");
    enqueue_update();
  };
  const bool called = segment.run(place, pool, recorder_, work, averaging.meet);
  send_result_home();
  return called;
}

void Worker::step_done() {
  clock_.step_done(*backend_);
  steps_done_.push_back(std::exchange(host_times_, {}));
}

StepTimes Worker::take_times() {
  StepTimes times = clock_.take();
  times += steps_done_.front();
  steps_done_.pop_front();
  return times;
}

std::int64_t Worker::results_due() const {
  const std::int64_t behind = stream_->can_capture() ? DownloadRing::kCapacity - 1 : 0;
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
