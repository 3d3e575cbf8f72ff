#include "train/step/averages.h"

#include "train/step/averaged_arenas.h"

namespace drift {

Worker::OnFinal Averages::while_backward(Sync sync) {
  if (!overlap_ || sync == Sync::kNone) return {};
  if (sync == Sync::kGradients) {
    return [this](const ArenaRange& range) {
      comm_.start_mean(range.of(worker_.parameters().gradients()), worker_.backend());
    };
  }
  return [this](const ArenaRange& range) {
    const ParameterSet& replica = worker_.parameters();
    worker_.before_average(range);
    comm_.start_mean(range.of(replica.values()), worker_.backend());
    if (scope_.momentum == MomentumSync::kAverage) comm_.start_mean(range.of(replica.momentum()), worker_.backend());
  };
}

void Averages::gradients() {
  Backend& backend = worker_.backend();
  const Span span(backend, "average gradients");
  worker_.phase_begins(StepPhase::kGradientAverage);
  if (overlap_) {
    comm_.wait_for_means(backend);
    count(Sync::kGradients);
  } else {
    comm_.all_reduce_mean(worker_.parameters().gradients(), backend);
  }
  worker_.phase_ends(StepPhase::kGradientAverage);
}

void Averages::replica() {
  const ParameterSet& replica = worker_.parameters();
  Backend& backend = worker_.backend();
  const Span span(backend, "average parameters");
  if (!overlap_) worker_.before_average();
  worker_.phase_begins(StepPhase::kParameterAverage);
  if (overlap_) {
    if (averages_buffers(replica, scope_)) comm_.start_mean(replica.buffers(), backend);
    comm_.wait_for_means(backend);
    count(Sync::kParameters);
  } else {
    for (const std::span<float> arena : averaged_arenas(replica, scope_)) comm_.all_reduce_mean(arena, backend);
  }
  worker_.phase_ends(StepPhase::kParameterAverage);
}

Worker::Averaging Averages::captured(Sync sync) {
  return {.on_final = while_backward(sync),
          .average = [this, sync] { sync == Sync::kGradients ? gradients() : replica(); },
          .meet = [this] { comm_.meet(); }};
}

void Averages::count(Sync sync) {
  const ParameterSet& replica = worker_.parameters();
  if (sync == Sync::kGradients) return comm_.mean_was_made(std::ssize(replica.gradients()));
  for (const std::span<float> arena : averaged_arenas(replica, scope_)) comm_.mean_was_made(std::ssize(arena));
}

void Averages::end_round(double rate_change) {
  Backend& backend = worker_.backend();
  if (scope_.momentum == MomentumSync::kReset) backend.fill(as_tensor(worker_.parameters().momentum()), 0);
  worker_.after_average();
  worker_.outer_update(rate_change);
}

}  // namespace drift
