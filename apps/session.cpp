#include "apps/session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "apps/capture_range.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "core/log.h"
#include "core/stopwatch.h"
#include "core/text.h"
#include "train/config/option_kinds.h"
#include "train/schedule/recurring_event.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

std::vector<MetricsSink*> sinks(const SessionOutputs& outputs) {
  std::vector<MetricsSink*> sinks;
  if (outputs.run != nullptr) sinks.push_back(outputs.run);
  if (outputs.progress != nullptr) sinks.push_back(outputs.progress);
  if (outputs.tensorboard != nullptr) sinks.push_back(outputs.tensorboard);
  if (outputs.watch != nullptr) sinks.push_back(outputs.watch);
  return sinks;
}

}  // namespace

Session::Session(const TrainConfig& config, const Membership& membership, Trainer& trainer,
                 const std::optional<FoundCheckpoint>& origin, SessionOutputs outputs, const std::atomic<bool>& stop,
                 const Clock& clock)
    : config_(config),
      membership_(membership),
      trainer_(trainer),
      origin_(origin),
      outputs_(std::move(outputs)),
      stop_(stop),
      metrics_(sinks(outputs_)),
      pace_(config.checkpoints.minutes, clock) {}

bool Session::run() {
  const Schedule& schedule = trainer_.schedule();
  const RecurringEvent evaluations(config_.evaluation.every, schedule.steps_per_epoch, schedule.total_steps);
  const fs::path& ckpt = outputs_.checkpoints;
  const RecurringEvent checkpoints(config_.checkpoints.every, schedule.steps_per_epoch, schedule.total_steps);
  CaptureRange capture(config_.machine.captured_steps(), trainer_.device());
  if (config_.checkpoints.keep_best) recall_best();
  for (;;) {
    const Step step = trainer_.step();
    const bool save = checkpoints.at(step) && !comes_from(ckpt, step);
    const bool looked = look(evaluations.at(step), save);
    if (looked && step == schedule.total_steps) return true;
    if (looked) {
      capture.before(step);
      trainer_.run(std::min({evaluations.next(step), checkpoints.next(step), next_look(step), capture.next(step)}),
                   metrics_, stop_);
      capture.after(trainer_.step());
      pace_.ran(trainer_.step() - step);
      if (!trainer_.stopped()) {
        if (!checkpoints.at(trainer_.step()) && is_checkpoint_due()) write_quickly();
        continue;
      }
    }
    const bool written = trainer_.step() == step && (comes_from(ckpt, step) || (save && looked));
    if (!written) write_quickly();
    return false;
  }
}

// Evaluates and saves, and returns true; or false if asked to stop before both are done. Whoever goes on from there
// does it all.
bool Session::look(bool evaluate, bool save) {
  try {
    if (evaluate) {
      const EvalRecord record = trainer_.evaluate(stop_);
      metrics_.evaluation(record);
      if (config_.checkpoints.keep_best) keep_if_best(record);
    }
    if (save) {
      write(outputs_.checkpoints, config_.checkpoints.keep,
            evaluate ? trainer_.evaluated_model() : trainer_.averaged_model(stop_));
    }
    return true;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kStopped) throw;
    return false;
  }
}

// Process 0 has the records of the run; all must judge alike.
void Session::recall_best() {
  std::string known;
  if (outputs_.run != nullptr) {
    if (const std::optional<BestEvaluation> best = outputs_.run->best_evaluation()) {
      known = fmt::format("{}", best->val_top1);
      std::error_code absent;
      if (!fs::exists(checkpoint_directory(outputs_.best, best->step), absent)) {
        log_warning(
            "the best evaluation so far, of step {}, has no checkpoint in {}: --keep-best keeps the next better one",
            best->step, outputs_.best.string());
      }
    }
  }
  best_val_top1_ = options::parse_number(membership_.control->gather("best evaluation", known).front());
}

// Its records are written first: a run that goes on from here knows what it is better than.
void Session::keep_if_best(const EvalRecord& record) {
  const double val_top1 = record.validation->top1;
  if (best_val_top1_ && val_top1 <= *best_val_top1_) return;
  best_val_top1_ = val_top1;
  if (!comes_from(outputs_.best, record.step)) write(outputs_.best, /*keep=*/1, trainer_.evaluated_model());
}

// Whether the run was resumed from what it would write now.
bool Session::comes_from(const fs::path& directory, Step step) const {
  const fs::path place = checkpoint_directory(directory, step);
  return origin_ && origin_->meta.step == step && !origin_->meta.provisional &&
         is_same_place(ErrorKind::kUsage, origin_->directory, place);
}

// Where the clock is to be looked at again; process 0 decides that, and what follows, for all.
Step Session::next_look(Step step) {
  const std::string steps = std::to_string(pace_.steps());
  const std::string said = membership_.control->gather("steps to the next look at the clock", steps).front();
  const std::optional<std::int64_t> agreed = parse_integer(said);
  DRIFT_CHECK(kComm, agreed && *agreed > 0, "process 0 asks for '{}' steps", said);
  return step + *agreed;
}

bool Session::is_checkpoint_due() const {
  return membership_.control->gather("whether a checkpoint is due", pace_.is_due() ? "yes" : "no").front() == "yes";
}

// For a checkpoint that must not take long: its model.safetensors has the mean of the workers' running statistics where
// the run would re-estimate them. The workers' states are those of any checkpoint.
BatchNormPolicy Session::quick_statistics() const {
  return configured_statistics() == BatchNormPolicy::kReestimate ? BatchNormPolicy::kAverage : configured_statistics();
}

void Session::write_quickly() {
  write(outputs_.checkpoints, config_.checkpoints.keep, trainer_.averaged_model(quick_statistics()),
        quick_statistics() != configured_statistics());
}

void Session::write(const fs::path& directory, int keep, const Model& model, bool provisional) {
  if (outputs_.run != nullptr) outputs_.run->make_durable();  // a checkpoint must not outlive the records of its steps
  const Stopwatch watch;
  Checkpoint checkpoint = trainer_.checkpoint();
  checkpoint.meta.provisional = provisional;
  checkpoint.meta.data = outputs_.data;
  const fs::path path = write_checkpoint(directory, checkpoint, membership_, model, trainer_.backend(), keep);
  pace_.written();
  if (outputs_.run != nullptr) {
    outputs_.run->checkpoint({.step = trainer_.step(),
                              .path = (directory.filename() / path.filename()).string(),
                              .seconds = watch.seconds()});
  }
  if (outputs_.progress != nullptr) outputs_.progress->message("checkpoint " + path.string());
}

}  // namespace drift
