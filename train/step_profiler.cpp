#include "train/step_profiler.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "kernels/observed/null_backend.h"
#include "train/schedule/profiled_steps.h"
#include "train/step/step_parts.h"

namespace drift {
namespace {

// An update that goes on while backward does belongs to no span of its own; around averages there are others than those
// of the communicator.
std::string part_of(const OpRecorder::Identity& identity) {
  static const std::set<std::string_view> updates = {SgdUpdate::kName, ClipScale::kName, OuterUpdate::kName};
  if (updates.contains(identity.op)) return "update";
  if (identity.op == Upload::kName) return "upload";
  if (identity.part == "forward" || identity.part == "backward") return identity.part;
  const bool averages = identity.part.starts_with("average ");
  return averages && (identity.op == Average::kName || identity.op == Copy::kName) ? "average" : "other";
}

Nanoseconds nanoseconds(double seconds) {
  return std::llround(1e9 * seconds);
}

// What a call costs more while it is recorded.
double measure_recording() {
  constexpr int kCalls = 1000;
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  OpRecorder recorder(std::make_unique<NullBackend>(*stream), kStepParts);
  float value = 0;
  const Op op = Fill{.y = {.data = &value, .shape = {1}}, .value = 0};
  recorder.start();
  const double begin = steady_clock().seconds();
  for (int i = 0; i < kCalls; ++i) recorder.run(op);
  return (steady_clock().seconds() - begin) / kCalls;
}

}  // namespace

StepProfiler::StepProfiler(int worker, OpRecorder& recorder, const Schedule& schedule, std::int64_t every,
                           ProfileFile& file, const Clock& clock)
    : worker_(worker),
      recorder_(recorder),
      schedule_(schedule),
      every_(every),
      file_(file),
      clock_(clock),
      seconds_per_call_(measure_recording()) {}

void StepProfiler::step_begins(Step step) {
  end_step(clock_.seconds());
  under_way_ = step;
  const Sync sync = schedule_.plan.at(step);
  const bool first = !std::exchange(had_[static_cast<std::size_t>(sync)], true);
  if (is_profiled(schedule_.plan, step, every_)) {
    recording_ = ProfiledStep{
        .step = step, .worker = worker_, .sync = sync, .period = schedule_.period_at(step), .first = first};
    recorder_.start();
  }
  began_ = clock_.seconds();
}

void StepProfiler::add(const CommRecord& call) {
  if (!recording_) return;
  std::vector<ProfiledWait>& waits = recording_->waits;
  if (call.stage == CommStage::kOffer) {
    offered_ = call.begin;
  } else if (call.stage == CommStage::kCount) {
    if (waits.empty()) return;
    waits.back().elements += call.elements;
    waits.back().bytes += call.bytes;
  } else {
    ProfiledWait wait{
        .time = since_begin(call.begin, call.begin + call.seconds), .elements = call.elements, .bytes = call.bytes};
    wait.ready = offered_ ? since_begin(*offered_, *offered_).begin : wait.time.begin;
    for (const MeanTimes& mean : call.means) wait.means.push_back(since_begin(mean.begin, mean.end));
    waits.push_back(std::move(wait));
    offered_.reset();
  }
}

void StepProfiler::finish() {
  end_step(clock_.seconds());
}

void StepProfiler::end_step(double now) {
  if (!under_way_) return;
  ProfileCost cost{.step_seconds = now - began_, .steps = 1};
  if (recording_) {
    recorder_.stop();
    write(now);
    cost.recorded = 1;
    cost.recording_seconds =
        seconds_per_call_ * static_cast<double>(recorder_.calls().size()) + (clock_.seconds() - now);
    recording_.reset();
  }
  file_.add(cost);
  under_way_.reset();
}

void StepProfiler::write(double end) {
  recording_->begin = nanoseconds(began_);
  recording_->duration = nanoseconds(end) - recording_->begin;
  for (const OpRecorder::Call& call : recorder_.calls()) {
    recording_->calls.push_back({.op = id_of(call.identity), .time = since_begin(call.begin, call.end)});
  }
  for (const OpRecorder::Part& part : recorder_.parts()) {
    recording_->parts.push_back({.name = std::string(part.name), .time = since_begin(part.begin, part.end)});
  }
  file_.write(*recording_);
}

TimeSpan StepProfiler::since_begin(double begin, double end) const {
  const Nanoseconds zero = nanoseconds(began_);
  return {nanoseconds(begin) - zero, nanoseconds(end) - zero};
}

std::int64_t StepProfiler::id_of(std::size_t identity) {
  if (ids_.size() <= identity) ids_.resize(recorder_.identities().size(), -1);
  if (ids_[identity] < 0) {
    const OpRecorder::Identity& op = recorder_.identities()[identity];
    ids_[identity] = file_.id_of({.op = std::string(op.op),
                                  .part = part_of(op),
                                  .layer = op.layer,
                                  .bytes = op.cost.bytes,
                                  .multiply_adds = op.cost.multiply_adds});
  }
  return ids_[identity];
}

}  // namespace drift
