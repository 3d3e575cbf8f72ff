#include "train/step/averages.h"

#include "train/step/averaged_arenas.h"

namespace drift {

Averages::Averages(Worker& worker, Communicator& comm, const SyncConfig& config, const SyncPlan& plan, Overlap overlap,
                   Step first)
    : worker_(worker), comm_(comm), config_(config), plan_(plan), overlap_(overlap) {
  const DelayedAverage* const delayed = worker.delayed();
  if (delayed == nullptr || delayed->state() == DelayedAverage::State::kNone) return;
  sent_behind_ = plan.average_before(first).value_or(first - 1 - plan.delay());  // of a branch: due
}

ArenaRange Averages::range_at(Step step) const {
  if (plan_.at(step) == Sync::kNode) return {0, std::ssize(worker_.parameters().values())};
  return range_of(plan_.fragments_at(step), plan_.fragments(), worker_.parameters());
}

void Averages::round_begins(Step step) {
  if (!plan_.all_are_equal(step)) return;
  worker_.round_begins();
  if (step > 0 && step == plan_.switch_step()) worker_.forget_wire_error();  // of gradients
}

Worker::OnFinal Averages::while_backward(Step step) {
  const Sync sync = plan_.at(step);
  if (sync == Sync::kGradients && overlap_.gradients) {
    return [this](const ArenaRange& range) {
      worker_.compress_gradients(range);
      comm_.start_mean(range.of(worker_.parameters().gradients()), worker_.backend(), config_.wire.type);
    };
  }
  if (!averages_parameters(sync) || sync == Sync::kNode || !overlap_.parameters) return {};
  return [this, averaged = range_at(step)](const ArenaRange& final) {
    const ParameterSet& replica = worker_.parameters();
    const ArenaRange range = final.within(averaged);
    if (range.empty()) return;
    worker_.before_average(range);
    worker_.compress_parameters(range);
    comm_.start_mean(range.of(replica.values()), worker_.backend(), config_.wire.type);
    if (config_.scope.momentum != MomentumSync::kAverage) return;
    comm_.start_mean(range.of(replica.momentum()), worker_.backend());
  };
}

void Averages::gradients() {
  Backend& backend = worker_.backend();
  const std::span<float> gradients = worker_.parameters().gradients();
  const Span span(backend, "average gradients");
  worker_.phase_begins(StepPhase::kGradientAverage);
  if (overlap_.gradients) {
    comm_.wait_for_means(backend);
    comm_.mean_was_made(std::ssize(gradients), config_.wire.type);
  } else {
    worker_.compress_gradients({0, std::ssize(gradients)});
    comm_.all_reduce_mean(gradients, backend, config_.wire.type);
  }
  worker_.phase_ends(StepPhase::kGradientAverage);
}

void Averages::of_node() {
  Backend& backend = worker_.backend();
  const Span span(backend, "average parameters");
  worker_.phase_begins(StepPhase::kParameterAverage);
  const ArenaRange all = {0, std::ssize(worker_.parameters().values())};
  for (const AveragedArena& arena : averaged_arenas(worker_.parameters(), config_, Sync::kNode, all)) {
    comm_.node_mean(arena.values, config_.node_workers, backend);
  }
  worker_.phase_ends(StepPhase::kParameterAverage);
}

void Averages::replica(Step step) {
  const ParameterSet& replica = worker_.parameters();
  Backend& backend = worker_.backend();
  const Sync sync = plan_.at(step);
  if (sync == Sync::kNode) return of_node();
  const ArenaRange range = range_at(step);
  const bool is_late = plan_.mixed_behind(step) > step;
  const Span span(backend, is_late ? "send parameters" : "average parameters");
  if (!overlap_.parameters) worker_.before_average(range);
  worker_.phase_begins(StepPhase::kParameterAverage);
  if (sent_behind_) mix();
  if (is_late) {
    send(step);
  } else if (overlap_.parameters) {
    if (averages_buffers(replica, config_.scope, sync)) comm_.start_mean(replica.buffers(), backend);
    comm_.wait_for_means(backend);
    count(step);
  } else {
    worker_.compress_parameters(range);
    for (const AveragedArena& arena : averaged_arenas(replica, config_, sync, range)) {
      comm_.all_reduce_mean(arena.values, backend, arena.wire);
    }
  }
  worker_.decompress_parameters(range);
  worker_.phase_ends(StepPhase::kParameterAverage);
}

void Averages::delayed(Step step) {
  if (!sent_behind_ || plan_.mixed_behind(*sent_behind_) > step) return;
  const Span span(worker_.backend(), "average parameters");
  worker_.phase_begins(StepPhase::kParameterAverage);
  mix();
  worker_.phase_ends(StepPhase::kParameterAverage);
}

void Averages::finish() {
  if (sent_behind_) arrive();
}

void Averages::send(Step step) {
  Backend& backend = worker_.backend();
  const std::span<float> part = worker_.delayed()->send(worker_.parameters(), range_at(step), backend);
  sent_behind_ = step;
  if (!overlap_.gradients) return comm_.all_reduce_mean(part, backend);
  comm_.start_mean(part, backend);
  comm_.mean_was_made(std::ssize(part));
}

void Averages::arrive() {
  DelayedAverage& delayed = *worker_.delayed();
  if (delayed.state() != DelayedAverage::State::kOnItsWay) return;
  if (overlap_.gradients) comm_.wait_for_means(worker_.backend());
  delayed.arrived(worker_.backend());
}

void Averages::mix() {
  arrive();
  worker_.delayed()->mix(worker_.parameters(), worker_.backend());
  sent_behind_.reset();
}

Worker::Averaging Averages::captured(Step step) {
  const Sync sync = plan_.at(step);
  return {.sync = sync,
          .on_final = while_backward(step),
          .average = [this, step, sync] { sync == Sync::kGradients ? gradients() : replica(step); },
          .meet = [this] { comm_.meet(); }};
}

void Averages::count(Step step) {
  for (const AveragedArena& arena : averaged_arenas(worker_.parameters(), config_, plan_.at(step), range_at(step))) {
    comm_.mean_was_made(std::ssize(arena.values), arena.wire);
  }
}

void Averages::after_replica(Step step, double rate_change) {
  Backend& backend = worker_.backend();
  const ArenaRange range = range_at(step);
  if (config_.scope.momentum == MomentumSync::kReset) {
    backend.fill(as_tensor(range.of(worker_.parameters().momentum())), 0);
  }
  if (plan_.at(step) == Sync::kNode) return;  // no round has ended
  worker_.after_average();
  worker_.outer_update(range, rate_change);
  if (plan_.fragments() > 1) worker_.round_begins(range);
}

}  // namespace drift
