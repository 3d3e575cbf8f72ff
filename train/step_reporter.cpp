#include "train/step_reporter.h"

#include <cmath>

#include "core/check.h"

namespace drift {
namespace {

constexpr std::string_view kAdvice = "Lower --lr or lengthen --warmup-epochs";

}  // namespace

void StepReporter::step_begins() {
  if (profiler_ != nullptr) profiler_->step_begins(next_step_);
}

void StepReporter::add(const CommRecord& call) {
  if (profiler_ != nullptr) profiler_->add(call);
  under_way_.times.comm_host_seconds += call.seconds;
  under_way_.bytes += call.bytes;
}

void StepReporter::take_results(std::int64_t count) {
  for (; count > 0; --count) {
    results_.push_back(worker_.take_result());
    const double loss = results_.back().loss;
    DRIFT_CHECK(kDiverged, std::isfinite(loss), "the loss is {} at step {} on worker {} (learning rate {:g}). {}", loss,
                next_result_, worker_.id(), schedule_.lr.at(next_result_), kAdvice);
    ++next_result_;
  }
}

void StepReporter::step_done() {
  under_way_.step = next_step_++;
  under_way_.worker = worker_.id();
  worker_.step_done();
  if (worker_.rounds_waiting() > std::ssize(rounds_)) rounds_.push_back(under_way_.step);
  done_.push_back(std::exchange(under_way_, {}));
  report_known_steps();
}

void StepReporter::check_replica() {
  take_finite_check();
  checked_ = next_step_;
  worker_.check_finite();
  if (!worker_.stream().can_capture()) take_finite_check();
}

void StepReporter::take_finite_check() {
  if (!worker_.finite_check_waiting()) return;
  const NonFiniteCounts counts = worker_.take_finite_check();
  DRIFT_CHECK(kDiverged, counts.none(), "worker {} is not finite after {} steps: {} are NaN or infinite. {}",
              worker_.id(), checked_, to_string(counts), kAdvice);
}

DeviceTimeout StepReporter::located(const DeviceTimeout& error) const {
  return DeviceTimeout(fmt::format("step {} of worker {}, enqueued last: {}; {}", next_result_, worker_.id(),
                                   worker_.backend().last_span(), error.message()));
}

void StepReporter::finish() {
  take_results(worker_.results_waiting());
  report_known_steps();
  check_replica();
  take_finite_check();
  if (profiler_ != nullptr) profiler_->finish();
}

void StepReporter::report_known_steps() {
  for (; !done_.empty() && !results_.empty(); done_.pop_front(), results_.pop_front()) {
    done_.front().result = results_.front();
    done_.front().times += worker_.take_times();
    if (!rounds_.empty() && rounds_.front() == done_.front().step) {
      done_.front().round = worker_.take_round();
      rounds_.pop_front();
    }
    done_.front().elapsed_seconds = began_.seconds();
    sink_.add(done_.front());
  }
}

}  // namespace drift
