// The whole algorithm as one worker sees it is run_worker() below; the rest of this file builds the workers, starts
// their threads and brings their errors home. What happens to the averaged copy and to checkpoints: trainer_state.cpp.
#include "train/trainer.h"

#include <cmath>
#include <exception>
#include <source_location>
#include <system_error>
#include <thread>
#include <utility>

#include "core/check.h"
#include "train/replicas.h"
#include "train/step_collector.h"
#include "train/stop_gate.h"
#include "train/stopwatch.h"
#include "train/trainer_state.h"

namespace drift {
namespace {

// The end of a round: one worker's part of it. Afterwards the values of all replicas are equal bit for bit.
void average_replicas(ParameterSet& replica, Communicator& comm, Backend& backend, const SyncScope& scope) {
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

void require_finite(double loss, Step step, int worker, double lr) {
  DRIFT_CHECK(kDiverged, std::isfinite(loss),
              "the loss is {} at step {} on worker {} (learning rate {:g}). Lower --lr, lengthen --warmup-epochs, or "
              "go on from an "
              "earlier checkpoint with a lower rate",
              loss, step, worker, lr);
}

// Steps [first, ...) of one worker, until the gate says that all leave.
void run_worker(Worker& worker, Communicator& comm, Step first, const Schedule& schedule, const SyncScope& scope,
                LaneGate& lanes, StopGate& gate, StepCollector& metrics) {
  worker.loader().seek(first);
  for (Step step = first; gate.enter(step); ++step) {
    const Sync sync = schedule.plan.at(step);
    const double lr = schedule.lr.at(step);
    const std::int64_t bytes_before = comm.bytes_sent();
    StepReport report{.step = step, .worker = worker.id()};

    Lane lane = lanes.acquire(step);
    Stopwatch watch;
    const Batch& batch = worker.loader().next();  // this worker's share
    report.data_seconds = watch.lap();
    const BatchResult result = worker.forward_backward(batch, lane.pool());  // fills the gradient arena
    require_finite(result.loss, step, worker.id(), lr);
    watch.lap();  // the result says how this time is divided

    if (sync == Sync::kGradients) {
      lane.release();
      comm.all_reduce_mean(worker.parameters().gradients(), worker.backend());
      report.comm_seconds += watch.lap();
      lane = lanes.acquire(step);
      watch.lap();
    }
    worker.update(lr);
    report.update_seconds = watch.lap();
    lane.release();

    if (sync == Sync::kParameters) {
      average_replicas(worker.parameters(), comm, worker.backend(), scope);
      report.comm_seconds += watch.lap();
    }
    report.loss = result.loss;
    report.correct = result.correct;
    report.forward_seconds = result.forward_seconds;
    report.backward_seconds = result.backward_seconds;
    report.bytes = comm.bytes_sent() - bytes_before;
    metrics.add(report);
  }
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

}  // namespace

Trainer::State::State(const TrainConfig& run_config, const DataSource& source)
    : config(run_config),
      data(source),
      device(choose_device(config.device)),
      sampler(make_sampler(config, *data.train)),
      schedule(make_schedule(config, sampler.steps_per_epoch())),
      layout(share_threads(config.sync.workers, config.threads, config.worker_threads, cpu_features().cores)),
      lanes(layout.lanes, device),
      communicators(make_in_process_communicators(config.sync.workers)),
      evaluator(device, layout.threads) {
  require_precision(config.precision, device);
  DRIFT_CHECK(kConfig, config.model.classes == data.train->classes(),
              "the model has {} classes and {} has {}; set --classes {}", config.model.classes, data.name,
              data.train->classes(), data.train->classes());
  for (int k = 0; k < config.sync.workers; ++k) {
    workers.push_back(std::make_unique<Worker>(config, k, data, sampler, device, layout.threads_per_worker));
  }
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
