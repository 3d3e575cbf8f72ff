// The whole algorithm as one worker sees it is run_worker() below; the rest of this file builds what it needs, starts
// the workers' threads and brings their errors home.
#include "train/trainer.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "comm/averaging.h"
#include "comm/recording.h"
#include "core/check.h"
#include "core/stopwatch.h"
#include "core/thread_team.h"
#include "train/config/toml.h"
#include "train/step/averages.h"
#include "train/step_collector.h"
#include "train/step_reporter.h"

namespace drift {
namespace {

// On a GPU cuDNN chooses, by plans.
std::vector<ConvolutionTrace> convolutions_on(Device device, const TrainConfig& config) {
  if (device.type != DeviceType::kCpu) return {};
  return trace_convolutions(config.model, config.sync.local_batch, config.machine.precision,
                            config.machine.convolutions);
}

// On a GPU, where an average only enqueues, the device does all of the step from one launch for all its workers.
void joint_step(Worker& worker, Averages& averages, Step step, const Batch& batch, double lr, MemoryPool& pool,
                JointSegment& segment, int place) {
  const bool called = worker.joint_step(batch, lr, pool, segment, place, averages.captured(step));
  if (!called) averages.count(step);
}

// Steps [first, ...) of one worker, until the gate says that all leave.
void run_worker(Worker& worker, Averages& averages, Step first, const Schedule& schedule, LaneGate& lanes,
                StopGate& gate, StepReporter& reporter, JointSteps& joint_steps, int place) {
  worker.seek(first);
  for (Step step = first; gate.enter(step); ++step) {
    reporter.step_begins();
    const Sync sync = schedule.plan.at(step);
    const double lr = schedule.lr.at(step);
    JointSegment* const joint = joint_steps.of(sync);
    const Span span(worker.backend(), fmt::format("step {}", step));
    averages.round_begins(step);
    {
      const Lane lane = lanes.acquire(step, worker.id());
      const Batch& batch = worker.next_batch();  // this worker's share
      if (joint != nullptr) {
        joint_step(worker, averages, step, batch, lr, lane.pool(), *joint, place);  // all of it in one captured piece
      } else if (sync == Sync::kGradients) {
        worker.forward_backward(batch, lr, lane.pool(), averages.while_backward(step));  // fills the gradient arena
      } else {
        worker.local_step(batch, lr, lane.pool(), averages.while_backward(step));  // gradients, and the update
      }
      reporter.take_results();
    }
    if (sync == Sync::kGradients && joint == nullptr) {
      averages.gradients();
      const Lane lane = lanes.acquire(step, worker.id());
      worker.update();
    }
    if (averages_parameters(sync)) {
      if (joint == nullptr) averages.replica(step);
      averages.after_replica(step, schedule.rate_change(step));
    } else {
      averages.delayed(step);
    }
    reporter.step_done();
    if (sync == Sync::kParameters) reporter.check_replica();
  }
  averages.finish();
  reporter.finish();
  worker.stream().synchronize();  // whoever comes next reads the replica from another stream
}

ThreadLayout layout_on(Device device, const TrainConfig& config, const Membership& membership) {
  const MachineConfig& machine = config.machine;
  const int workers = membership.team.local_workers();
  require_precision(machine.precision, device);
  DRIFT_CHECK(kConfig, !machine.captured_steps() || device.type == DeviceType::kCuda,
              "--capture-range tells a GPU's profiler what to record, and this run is on {}", to_string(device));
  DRIFT_CHECK(kConfig, !machine.profiles() || !machine.op_times || device.type == DeviceType::kCpu,
              "--op-times holds {} up before each operation, which --profile would record: give one of them",
              to_string(device));
  DRIFT_CHECK(kConfig, !machine.profile_kernels || (device.type == DeviceType::kCuda && machine.captures_steps()),
              "--profile-kernels tells kernels of captured steps apart, and this run, on {}, captures none",
              to_string(device));
  for (const Straggler& slow : machine.stragglers()) {
    DRIFT_CHECK(kConfig, slow.worker < config.sync.workers, "--straggler names worker {}, and there are {}, from 0 on",
                slow.worker, config.sync.workers);
    DRIFT_CHECK(kConfig, device.type == DeviceType::kCpu,
                "--straggler makes workers on a CPU slow, and this run is on {}: give --device cpu", to_string(device));
  }
  DRIFT_CHECK(kConfig,
              device.type == DeviceType::kCpu || membership.team.processes == 1 || !config.processes.overlap ||
                  machine.batch_norm == BatchNormKernels::kOwn || machine.nccl_multiprocessors > 0,
              "averages that overlap backward would wait for other processes while a batch norm of cuDNN waits for all "
              "multiprocessors, and neither would go on: give NCCL some (--nccl-multiprocessors 16), or --no-overlap, "
              "or --batch-norm own");
  check(config.processes, config.sync, workers);
  check_share_device(device, workers);
  return share_device(device.type, workers, machine, membership.cores);
}

// What is captured is one graph for all steps of a kind, so it cannot average other parts each time.
Overlap overlap_of(const TrainConfig& config, const Team& team, const Worker& worker, const Communicator& comm) {
  if (!config.processes.overlap || team.processes == 1) return {};
  const bool at_once = config.sync.fragment_delay == 0;
  if (!worker.captures_steps()) return {.gradients = true, .parameters = at_once};
  const bool in_graph = comm.mean_can_be_captured();
  return {.gradients = in_graph, .parameters = in_graph && at_once && config.sync.fragments == 1};
}

bool is_out_of_memory(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const OutOfMemory&) {
    return true;
  } catch (const std::bad_alloc&) {
    return true;
  } catch (...) {
    return false;
  }
}

// Of a process that does not write them itself.
class ReportSender final : public ReportSink {
 public:
  explicit ReportSender(TeamLink& link) : link_(link) {}
  void add(const StepReport& report) override { link_.send(report); }

 private:
  TeamLink& link_;
};

// In a gradient arena whose values are not needed.
void rehearse_average(Worker& worker, DType rounded) {
  const std::span<float> gradients = worker.parameters().gradients();
  const std::vector<const float*> twice(2, gradients.data());
  float* const target = gradients.data();
  worker.backend().average(twice, std::span(&target, 1), std::ssize(gradients), 0, rounded);
}

// What happens to a message of bfloat16, there.
void rehearse_wire(Worker& worker) {
  const std::span<float> gradients = worker.parameters().gradients();
  const std::int64_t half = std::ssize(gradients) / 2;
  const TensorView floats = {.data = gradients.data(), .shape = {half}};
  const TensorView message = {.data = gradients.data() + half, .shape = {half}, .dtype = DType::kBFloat16};
  worker.backend().cast(floats, message);
  worker.backend().cast(message, floats);
  rehearse_average(worker, DType::kBFloat16);
}

// The model as checkpoints name it: it must be the same to go on.
std::string text_of(const ModelOptions& model) {
  const std::string groups = model.norm == "group" ? fmt::format(" groups={}", model.groups) : "";
  return fmt::format("{} norm={}{} classes={}{}", model.name, model.norm, groups, model.classes,
                     model.resnet_v1 ? " resnet-v1" : "");
}

// An outer optimizer, and ways that travel as bfloat16, need what all workers started from.
void check_round_start(const Checkpoint& checkpoint, const SyncConfig& sync, const SyncPlan& plan) {
  const Step step = checkpoint.meta.step;
  if (!sync.keeps_round_start() || !plan.round_of(step) || step == plan.switch_step()) return;
  const std::string_view asks = sync.outer.kind != Outer::kNone ? "--outer" : "--wire bf16";
  const SyncConfig before = config_from_toml(checkpoint.meta.config_toml).sync;
  const int fragments = before.fragments;
  DRIFT_CHECK(
      kCheckpoint, before.fragment_delay == 0,
      "the checkpoint of step {} is of a run with --fragment-delay, in which no step is left at which all workers "
      "have the same parameters: a branch with {} can begin where local steps do",
      step, asks);
  DRIFT_CHECK(
      kCheckpoint, fragments == sync.fragments,
      "the checkpoint of step {} is of a run with --fragments {}, whose parts began their rounds at other steps "
      "than with {}: a branch with {} keeps --fragments, or begins where local steps do",
      step, fragments, sync.fragments, asks);
  DRIFT_CHECK(kCheckpoint, plan.all_are_equal(step) || !checkpoint.workers.front().round_start.empty(),
              "the checkpoint of step {} is from inside a round, of a run that did not keep what the round began with. "
              "A branch with {} can begin at a checkpoint between two rounds{}",
              step, asks, fragments > 1 ? " where --fragments is 1" : "");
}

}  // namespace

Trainer::Trainer(const TrainConfig& config, const DataSource& data)
    : Trainer(config, data, Membership::alone(config.sync.workers)) {}

Trainer::Trainer(const TrainConfig& config, const DataSource& data, const Membership& membership)
    : config_(config),
      team_(membership.team),
      device_(membership.device ? *membership.device : choose_device(config.machine.device)),
      communicators_(make_communicators(membership, config.processes.reduce)),
      layout_(layout_on(device_, config_, membership)),
      activations_(activation_bytes(config_, data.train->image_shape())),
      convolutions_(convolutions_on(device_, config_)),
      lanes_(layout_.lanes, device_),
      replicas_(config_, data, team_, device_, layout_, membership.memory()),
      schedule_(make_schedule(config_, replicas_.sampler().steps_per_epoch())),
      averaged_(config_, data, replicas_, membership, device_, layout_.threads),
      overlap_(overlap_of(config_, team_, replicas_.worker(0), *communicators_.front())),
      link_(membership, [this](std::string_view reason) { communicators_.front()->abort(reason); }) {
  DRIFT_ASSERT(team_.workers == config_.sync.workers, "a team of {} workers for {}", team_.workers,
               config_.sync.workers);
  if (overlap_.gradients) {
    for (int place = 0; place < replicas_.size(); ++place) {
      Worker& worker = replicas_.worker(place);
      const std::int64_t floats = std::ssize(worker.parameters().values());
      worker.set_buckets(bucket_bytes(config_.processes.bucket_megabytes, floats));
      communicators_[static_cast<std::size_t>(place)]->prepare_means(worker.backend());
    }
  }
  if (const auto range = config_.machine.captured_steps()) {
    DRIFT_CHECK(kConfig, range->first < schedule_.total_steps,
                "--capture-range begins at step {}, and the run has {} steps, from 0 on", range->first,
                schedule_.total_steps);
  }
  if (replicas_.worker(0).captures_steps() && communicators_.front()->mean_can_be_captured()) {
    joint_.gradients.emplace(replicas_.streams());
    if (overlap_.parameters) joint_.parameters.emplace(replicas_.streams());
  }
}

// Called while the workers leave one after the other: what the pools hold is read as it is now. Batches on their way,
// an evaluation and code that is made for new shapes want something too. Where there is not even memory for advice,
// there is none.
std::exception_ptr Trainer::with_advice(const std::exception_ptr& error, int worker) const {
  if (!is_out_of_memory(error)) return error;
  try {
    constexpr std::int64_t kForTheRest = 128 << 20;
    const std::int64_t all = free_bytes(device_) + lanes_.bytes_held();
    const std::int64_t capacity = all - std::min(kForTheRest, all / 4);
    return std::make_exception_ptr(
        OutOfMemory(fmt::format("worker {}: {}. {}", worker, caught_error(error).message(),
                                memory_advice(activations_, config_.sync.local_batch, lanes_.lanes(), capacity))));
  } catch (const std::exception&) {
    return error;
  }
}

void Trainer::run_worker_thread(int place, ReportSink& reports) {
  Worker& worker = replicas_.worker(place);
  Communicator& own = *communicators_[static_cast<std::size_t>(place)];
  try {
    StepProfiler* const profiler = profilers_.empty() ? nullptr : &profilers_[static_cast<std::size_t>(place)];
    StepReporter reporter(worker, schedule_, reports, done_, profiler);
    RecordingCommunicator comm(own, [&](const CommRecord& call) { reporter.add(call); });
    Averages averages(worker, comm, config_.sync, schedule_.plan, overlap_, done_);
    try {
      run_worker(worker, averages, done_, schedule_, lanes_, link_.gate(), reporter, joint_, place);
    } catch (const DeviceTimeout& error) {
      throw reporter.located(error);
    }
  } catch (...) {
    const std::exception_ptr error = with_advice(std::current_exception(), worker.id());
    link_.fail(error);  // before the others learn of it: theirs are consequences
    own.abort(caught_error(error).message());
  }
}

void Trainer::profile_into(ProfileFile& file) {
  for (int place = 0; place < replicas_.size(); ++place) {
    Worker& worker = replicas_.worker(place);
    DRIFT_ASSERT(worker.recorder() != nullptr, "worker {} was made without --profile", worker.id());
    profilers_.emplace_back(worker.id(), *worker.recorder(), schedule_, config_.machine.profiled_rounds(device_.type),
                            file);
  }
}

// NCCL's kernels wait on the device for those of other processes. What makes the host wait for the device, as building
// a plan or loading a kernel does, must not come meanwhile, or nobody goes on. So all of a step and of an evaluation
// runs once, without effect.
void Trainer::prepare() {
  if (prepared_ || team_.processes == 1 || device_.type == DeviceType::kCpu) return;
  prepared_ = true;
  const std::vector<ReplicaState> states = replicas_.states();
  for (int place = 0; place < replicas_.size(); ++place) {
    Worker& worker = replicas_.worker(place);
    const Lane lane = lanes_.acquire(done_, worker.id());
    worker.seek(done_);
    worker.forward_backward(worker.next_batch(), 0, lane.pool());
    worker.update();
    worker.take_result();
    worker.step_done();
    worker.take_times();
    rehearse_average(worker, DType::kFloat32);
    if (config_.sync.compresses()) rehearse_wire(worker);
    worker.check_finite();
    (void)worker.take_finite_check();
    worker.rehearse_round();
  }
  replicas_.restore(states);
  averaged_.rehearse();
  averaged_.meet();
}

void Trainer::run_workers(ReportSink& reports) {
  try {
    ThreadTeam("the workers", replicas_.size(),
               [&](int place, const std::stop_token&) { run_worker_thread(place, reports); });
  } catch (const std::exception&) {  // none of them runs; those of other processes must not wait
    link_.fail(std::current_exception());
  }
}

Step Trainer::run(Step last, MetricsSink& metrics, const std::atomic<bool>& stop) {
  DRIFT_ASSERT(!failed_, "a worker of this trainer failed; build a new one and restore a checkpoint");
  DRIFT_ASSERT(done_ <= last && last <= schedule_.total_steps, "cannot run from step {} to {} of {}", done_, last,
               schedule_.total_steps);
  failed_ = true;  // until it has not
  prepare();
  link_.gate().open(done_, last, stop);
  std::optional<StepCollector> collector;
  if (team_.process == 0) {
    collector.emplace(schedule_, team_.workers, config_.sync.local_batch, done_, metrics,
                      [&] { return link_.take_reports(); });
  }
  ReportSender sender(link_);
  run_workers(collector ? static_cast<ReportSink&>(*collector) : sender);
  link_.gate().rethrow();
  stopped_ = link_.meet(stop);
  if (collector) collector->finish();
  failed_ = false;
  done_ = link_.gate().end();
  return done_;
}

EvalRecord Trainer::evaluate(const std::atomic<bool>& stop) {
  const Stopwatch watch;
  averaged_model(stop);
  const Evaluation result = averaged_.evaluate(stop);
  std::optional<ValidationRecord> validation;
  if (const std::optional<Evaluation> held_out = averaged_.validate(stop)) {
    validation = {.loss = held_out->loss,
                  .top1 = held_out->top1(),
                  .top5 = held_out->top5(),
                  .correct = held_out->correct,
                  .correct_top5 = held_out->correct_top5,
                  .total = held_out->total};
  }
  return {.step = done_,
          .epoch = schedule_.epoch_of(done_),
          .loss = result.loss,
          .top1 = result.top1(),
          .top5 = result.top5(),
          .correct = result.correct,
          .correct_top5 = result.correct_top5,
          .total = result.total,
          .validation = validation,
          .seconds = watch.seconds()};
}

Checkpoint Trainer::checkpoint() const {
  // One after the other: where the states throw within braces that hold `meta` in braces, GCC 12 destroys that twice.
  Checkpoint checkpoint;
  checkpoint.meta = {.step = done_,
                     .workers = team_.workers,
                     .config_toml = config_to_toml(config_),
                     .model = text_of(config_.model),
                     .steps_per_epoch = schedule_.steps_per_epoch,
                     .conditions = conditions()};
  checkpoint.workers = replicas_.states();
  return checkpoint;
}

void Trainer::restore(const Checkpoint& checkpoint) {
  const Step step = checkpoint.meta.step;
  check_fits(checkpoint, text_of(config_.model), team_, replicas_.parameters(0));
  DRIFT_CHECK(kCheckpoint, 0 <= step && step <= schedule_.total_steps,
              "the checkpoint is of step {}, this run ends at step {}", step, schedule_.total_steps);
  check_round_start(checkpoint, config_.sync, schedule_.plan);
  DRIFT_CHECK(kCheckpoint, config_.sync.fragment_delay > 0 || checkpoint.workers.front().delayed.empty(),
              "at step {} of the checkpoint an average is on its way (--fragment-delay): a branch without delay begins "
              "where none is, that many steps behind the end of a round",
              step);
  replicas_.restore(checkpoint.workers);
  done_ = step;
}

}  // namespace drift
