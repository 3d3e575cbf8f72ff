// The whole algorithm as one worker sees it is run_worker() below; the rest of this file builds the workers, starts
// their threads and brings their errors home. What happens to the averaged copy and to checkpoints: trainer_state.cpp.
#include "train/trainer.h"

#include <cmath>
#include <deque>
#include <exception>
#include <source_location>
#include <system_error>
#include <thread>
#include <utility>

#include "core/check.h"
#include "core/stopwatch.h"
#include "train/step/memory_advice.h"
#include "train/step/replicas.h"
#include "train/step_collector.h"
#include "train/stop_gate.h"
#include "train/trainer_state.h"

namespace drift {
namespace {

// The end of a round: one worker's part of it. Afterwards the values of all replicas are equal bit for bit.
void average_replicas(ParameterSet& replica, Communicator& comm, Backend& backend, const SyncScope& scope) {
  const Span span(backend, "average parameters");
  comm.all_reduce_mean(replica.values(), backend);
  switch (scope.momentum) {
    case MomentumSync::kKeep:
      break;
    case MomentumSync::kAverage:
      comm.all_reduce_mean(replica.momentum(), backend);
      break;
    case MomentumSync::kReset:
      backend.fill(as_tensor(replica.momentum()), 0);
      break;
  }
  if (scope.bn_stats == BatchNormStats::kAverage && !replica.buffers().empty()) {
    comm.all_reduce_mean(replica.buffers(), backend);
  }
}

void average_gradients(Worker& worker, Communicator& comm) {
  const Span span(worker.backend(), "average gradients");
  comm.all_reduce_mean(worker.parameters().gradients(), worker.backend());
}

void require_finite(double loss, Step step, int worker, double lr) {
  DRIFT_CHECK(kDiverged, std::isfinite(loss),
              "the loss is {} at step {} on worker {} (learning rate {:g}). Lower --lr, lengthen --warmup-epochs, or "
              "go on from an "
              "earlier checkpoint with a lower rate",
              loss, step, worker, lr);
}

// The steps of one worker whose results have not come home yet: at once on a CPU, a few steps later on a GPU.
class OpenSteps {
 public:
  OpenSteps(Worker& worker, const Schedule& schedule, StepCollector& metrics)
      : worker_(worker), schedule_(schedule), metrics_(metrics) {}

  StepReport& add(const StepReport& report) { return reports_.emplace_back(report); }

  // Takes all results but those of the newest `behind` steps. Throws kDiverged.
  void take_results(int behind) {
    while (std::ssize(reports_) - taken_ > behind) {
      StepReport& report = reports_[static_cast<std::size_t>(taken_)];
      const BatchResult result = worker_.take_result();
      require_finite(result.loss, report.step, worker_.id(), schedule_.lr.at(report.step));
      report.loss = result.loss;
      report.correct = result.correct;
      ++taken_;
    }
  }

  // The steps whose results were taken go to the sink.
  void report() {
    for (; taken_ > 0; --taken_) {
      metrics_.add(reports_.front());
      reports_.pop_front();
    }
  }

 private:
  Worker& worker_;
  const Schedule& schedule_;
  StepCollector& metrics_;
  std::deque<StepReport> reports_;
  std::int64_t taken_ = 0;  // of the first ones, whose results are known
};

const Batch& next_batch(Worker& worker) {
  const Span span(worker.backend(), "batch");
  return worker.loader().next();
}

// Steps [first, ...) of one worker, until the gate says that all leave.
void run_worker(Worker& worker, Communicator& comm, Step first, const Schedule& schedule, const SyncScope& scope,
                LaneGate& lanes, StopGate& gate, StepCollector& metrics) {
  worker.loader().seek(first);
  OpenSteps open(worker, schedule, metrics);
  for (Step step = first; gate.enter(step); ++step) {
    const Sync sync = schedule.plan.at(step);
    const double lr = schedule.lr.at(step);
    const std::int64_t bytes_before = comm.bytes_sent();
    StepReport& report = open.add({.step = step, .worker = worker.id()});

    Lane lane = lanes.acquire(step, worker.id());
    Stopwatch watch;
    const Batch& batch = next_batch(worker);  // this worker's share
    report.data_seconds = watch.lap();
    const bool together = sync == Sync::kGradients;
    const StepTimes times = together ? worker.forward_backward(batch, lr, lane.pool())  // fills the gradient arena
                                     : worker.local_step(batch, lr, lane.pool());       // and updates from it
    report.forward_seconds = times.forward_seconds;
    report.backward_seconds = times.backward_seconds;
    report.update_seconds = times.update_seconds;
    open.take_results(worker.results_behind());
    watch.lap();  // `times` says how this time is divided

    if (together) {
      lane.release();
      average_gradients(worker, comm);
      report.comm_seconds += watch.lap();
      lane = lanes.acquire(step, worker.id());
      watch.lap();
      worker.update();
      report.update_seconds = watch.lap();
    }
    lane.release();

    if (sync == Sync::kParameters) {
      average_replicas(worker.parameters(), comm, worker.backend(), scope);
      report.comm_seconds += watch.lap();
    }
    report.bytes = comm.bytes_sent() - bytes_before;
    open.report();
  }
  open.take_results(0);
  open.report();
  worker.stream().synchronize();  // whoever comes next reads the replica from another stream
}

Sampler make_sampler(const TrainConfig& config, const Dataset& train) {
  DRIFT_CHECK(kConfig, config.sync.workers >= 1, "--workers must be at least 1, got {}", config.sync.workers);
  return Sampler({.sampling = config.sampling,
                  .seed = config.seed,
                  .dataset_size = train.size(),
                  .workers = config.sync.workers,
                  .local_batch = config.sync.local_batch,
                  .steps_per_epoch = config.steps_per_epoch});
}

// On a GPU every worker has a stream and its own activations, and the hardware shares itself.
ThreadLayout layout_on(Device device, const TrainConfig& config) {
  ThreadLayout layout = share_threads(config.sync.workers, config.threads, config.worker_threads, cpu_features().cores);
  if (device.type == DeviceType::kCuda) layout.lanes = config.sync.workers;
  return layout;
}

}  // namespace

Trainer::State::State(const TrainConfig& run_config, const DataSource& source)
    : config(run_config),
      data(source),
      device(choose_device(config.device)),
      sampler(make_sampler(config, *data.train)),
      schedule(make_schedule(config, sampler.steps_per_epoch())),
      layout(layout_on(device, config)),
      lanes(layout.lanes, device),
      communicators(make_in_process_communicators(config.sync.workers)),
      evaluator(device, layout.threads, backend_options(config)) {
  require_precision(config.precision, device);
  DRIFT_CHECK(kConfig, !config.op_times || device.type == DeviceType::kCuda,
              "--op-times measures by the events of a GPU, and this run is on {}; bench_step does it on a CPU",
              to_string(device));
  if (device.type == DeviceType::kCuda) train_images.emplace(*data.train, *evaluator.backend);
  DRIFT_CHECK(kConfig, config.model.classes == data.train->classes(),
              "the model has {} classes and {} has {}; set --classes {}", config.model.classes, data.name,
              data.train->classes(), data.train->classes());
  for (int k = 0; k < config.sync.workers; ++k) {
    workers.push_back(std::make_unique<Worker>(config, k, data, sampler, device, layout.threads_per_worker,
                                               train_images ? &*train_images : nullptr));
  }
}

// Called while the workers leave one after the other: what the pools hold is read as it is now.
std::string Trainer::State::memory_advice() const {
  const std::int64_t capacity = free_bytes(device) + lanes.bytes_held();
  return drift::memory_advice(config, lanes.lanes(), capacity);
}

Trainer::Trainer(const TrainConfig& config, const DataSource& data) : state_(std::make_unique<State>(config, data)) {}
Trainer::~Trainer() = default;

const Schedule& Trainer::schedule() const {
  return state_->schedule;
}
const ThreadLayout& Trainer::layout() const {
  return state_->layout;
}
Device Trainer::device() const {
  return state_->device;
}
Step Trainer::step() const {
  return state_->done;
}
Model& Trainer::model(int worker) {
  return state_->workers.at(static_cast<std::size_t>(worker))->model();
}

std::map<std::string, OpTime> Trainer::op_times() {
  std::map<std::string, OpTime> all;
  for (const auto& worker : state_->workers) {
    for (const auto& [kind, time] : worker->backend().op_times()) {
      all[kind].calls += time.calls;
      all[kind].milliseconds += time.milliseconds;
    }
  }
  return all;
}

Step Trainer::run(Step last, MetricsSink& metrics, const std::atomic<bool>& stop) {
  State& state = *state_;
  DRIFT_ASSERT(!state.failed, "a worker of this trainer failed; build a new one and restore a checkpoint");
  DRIFT_ASSERT(state.done <= last && last <= state.schedule.total_steps, "cannot run from step {} to {} of {}",
               state.done, last, state.schedule.total_steps);
  StopGate gate(state.done, last, stop);
  StepCollector collector(state.schedule, state.config.sync.workers, state.config.sync.local_batch, state.done,
                          metrics);

  const auto fail = [&](Communicator& comm, std::exception_ptr error, std::string_view reason) {
    gate.fail(std::move(error));  // before the others learn of it: theirs are consequences
    comm.abort(reason);
  };
  const auto thread_of = [&](std::size_t k) {
    Communicator& comm = *state.communicators[k];
    try {
      run_worker(*state.workers[k], comm, state.done, state.schedule, state.config.sync.scope, state.lanes, gate,
                 collector);
    } catch (const OutOfMemory& error) {
      const std::string message = fmt::format("worker {}: {}. {}", k, error.message(), state.memory_advice());
      fail(comm, std::make_exception_ptr(OutOfMemory(message)), message);
    } catch (const Error& error) {
      fail(comm, std::current_exception(), error.message());
    } catch (const std::exception& error) {
      fail(comm, std::current_exception(), error.what());
    }
  };
  {
    std::vector<std::jthread> threads;  // joined at the end of this block
    try {
      for (std::size_t k = 0; k < state.workers.size(); ++k) threads.emplace_back(thread_of, k);
    } catch (const std::system_error& error) {
      const auto reason =
          fmt::format("cannot start thread {} of {}: {}", threads.size(), state.workers.size(), error.what());
      fail(*state.communicators[threads.size()],
           std::make_exception_ptr(Error(ErrorKind::kDevice, reason, {}, std::source_location::current())), reason);
    }
  }
  state.failed = true;
  gate.rethrow();
  state.failed = false;
  state.done = gate.end();
  return state.done;
}

}  // namespace drift
