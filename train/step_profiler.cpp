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

bool averages(std::string_view part) {
  return part.starts_with("average ");
}

// An update that goes on while backward does belongs to no span of its own; around averages there are others than those
// of the communicator.
std::string part_of(const OpRecorder::Identity& identity) {
  static const std::set<std::string_view> updates = {SgdUpdate::kName, ClipScale::kName, OuterUpdate::kName};
  if (updates.contains(identity.op)) return "update";
  if (identity.op == Upload::kName) return "upload";
  if (identity.part == "forward" || identity.part == "backward") return identity.part;
  static const std::set<std::string_view> sums = {Average::kName, Copy::kName, Cast::kName, Compress::kName,
                                                  Add::kName};
  return averages(identity.part) && sums.contains(identity.op) ? "average" : "other";
}

Nanoseconds nanoseconds(double seconds) {
  return std::llround(1e9 * seconds);
}

// What a call costs more while it is recorded.
double measure_recording() {
  constexpr int kCalls = 1000;
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  OpRecorder recorder(std::make_unique<NullBackend>(*stream), kStepParts, std::make_unique<HostMoments>());
  float value = 0;
  const Op op = Fill{.y = {.data = &value, .shape = {1}}, .value = 0};
  recorder.start();
  const double begin = steady_clock().seconds();
  for (int i = 0; i < kCalls; ++i) recorder.run(op);
  return (steady_clock().seconds() - begin) / kCalls;
}

// Those of a recording, each once.
std::vector<Moments::Mark> marks_of(const OpRecorder::Recording& recording) {
  std::vector<Moments::Mark> marks = {recording.begin, recording.end};
  for (const OpRecorder::Call& call : recording.calls) marks.insert(marks.end(), {call.begin, call.end});
  for (const OpRecorder::Part& part : recording.parts) marks.insert(marks.end(), {part.begin, part.end});
  std::ranges::sort(marks);
  marks.erase(std::unique(marks.begin(), marks.end()), marks.end());
  return marks;
}

// times <- without what the marks before each of them took.
void take_out_marks(std::vector<Nanoseconds>& times, std::vector<Moments::Mark> marks, Nanoseconds per_mark) {
  std::ranges::stable_sort(marks, {}, [&](Moments::Mark mark) { return times[mark]; });
  Nanoseconds taken = 0, before = times[marks.front()];
  for (const Moments::Mark mark : marks) {
    before = times[mark] = std::max(before, times[mark] - taken);
    taken += per_mark;
  }
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
      on_device_(recorder.moments().on_device()),
      seconds_per_call_(on_device_ ? 0 : measure_recording()) {}

void StepProfiler::step_begins(Step step) {
  end_step(clock_.seconds());
  under_way_ = step;
  const Sync sync = schedule_.plan.at(step);
  const bool first = !std::exchange(had_[static_cast<std::size_t>(sync)], true);
  const bool profiled = is_profiled(schedule_.plan, step, every_);
  watch_kernels(profiled);
  if (profiled) {
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
    ProfiledWait& whose = waits.empty() ? begun_ : waits.back();
    whose.elements += call.elements;
    whose.bytes += call.bytes;
  } else {
    ProfiledWait wait{.ready = nanoseconds(offered_.value_or(call.begin)),
                      .time = {nanoseconds(call.begin), nanoseconds(call.begin + call.seconds)},
                      .elements = call.elements + std::exchange(begun_.elements, 0),
                      .bytes = call.bytes + std::exchange(begun_.bytes, 0)};
    for (const MeanTimes& mean : call.means) wait.means.push_back({nanoseconds(mean.begin), nanoseconds(mean.end)});
    waits.push_back(std::move(wait));
    offered_.reset();
  }
}

void StepProfiler::finish() {
  end_step(clock_.seconds());
  while (!pending_.empty()) write_oldest();
  watch_kernels(false);
  write_kernels();
}

// On from the first step that is recorded to behind the last of them in a row, when all of it has run: the host is
// steps ahead of the device otherwise.
void StepProfiler::watch_kernels(bool on) {
  KernelWatch* const kernels = recorder_.kernels();
  if (kernels == nullptr || watches_kernels_ == on) return;
  if (!on) recorder_.stream().synchronize();
  on ? kernels->start() : kernels->stop();
  watches_kernels_ = on;
}

void StepProfiler::write_kernels() {
  if (recorder_.kernels() == nullptr) return;
  for (const KernelWatch::Kernel& kernel : recorder_.kernels()->take()) {
    file_.write({.op = id_of(kernel.identity),
                 .worker = worker_,
                 .name = kernel.name,
                 .launches = kernel.launches,
                 .duration = kernel.nanoseconds});
  }
}

void StepProfiler::end_step(double now) {
  if (!under_way_) return;
  ProfileCost cost{.step_seconds = now - began_, .steps = 1};
  if (recording_) {
    pending_.push_back({*std::exchange(recording_, std::nullopt), recorder_.stop()});
    offered_.reset();
    if (on_device_) gather_counts(pending_.back());
    cost.recorded = 1;
    const auto calls = static_cast<double>(pending_.back().recording.calls.size());
    for (std::int64_t due = recorder_.moments().due(); due > 0; --due) write_oldest();
    cost.recording_seconds = seconds_per_call_ * calls + (clock_.seconds() - now);
  }
  file_.add(cost);
  under_way_.reset();
}

// Of a device, where what the host was told of averages is only how much they carry: a step waits once, in its part
// that averages.
void StepProfiler::gather_counts(Pending& recorded) {
  for (const ProfiledWait& wait : recorded.step.waits) {
    begun_.elements += wait.elements;
    begun_.bytes += wait.bytes;
  }
  recorded.step.waits.clear();
  if (std::ranges::any_of(recorded.recording.parts, averages, &OpRecorder::Part::name)) {
    recorded.step.waits.push_back(std::exchange(begun_, {}));
  }
}

void StepProfiler::wait_on_device(Pending& recorded, std::span<const Nanoseconds> times) {
  if (recorded.step.waits.empty()) return;
  ProfiledWait& wait = recorded.step.waits.front();
  const OpRecorder::Part& part = *std::ranges::find_if(recorded.recording.parts, averages, &OpRecorder::Part::name);
  wait.time = {times[part.begin], times[part.end]};
  wait.ready = wait.time.begin;
}

void StepProfiler::write_oldest() {
  Pending recorded = std::move(pending_.front());
  pending_.pop_front();
  const OpRecorder::Recording& recording = recorded.recording;
  std::vector<Nanoseconds> times = recorder_.moments().take();
  if (on_device_) {
    std::vector<Moments::Mark> marks = marks_of(recording);
    const Nanoseconds per_mark = recorder_.moments().nanoseconds_per_mark();
    file_.add({.recording_seconds = 1e-9 * static_cast<double>(per_mark * std::ssize(marks))});
    take_out_marks(times, std::move(marks), per_mark);
    wait_on_device(recorded, times);
  }
  ProfiledStep& step = recorded.step;
  step.begin = times[recording.begin];
  step.duration = times[recording.end] - step.begin;
  step.first |= recording.captured;
  const auto since_begin = [&](Nanoseconds begin, Nanoseconds end) {
    return TimeSpan{begin - step.begin, end - step.begin};
  };
  for (const OpRecorder::Call& call : recording.calls) {
    step.calls.push_back({.op = id_of(call.identity), .time = since_begin(times[call.begin], times[call.end])});
  }
  for (const OpRecorder::Part& part : recording.parts) {
    step.parts.push_back({.name = std::string(part.name), .time = since_begin(times[part.begin], times[part.end])});
  }
  for (ProfiledWait& wait : step.waits) {
    wait.ready -= step.begin;
    wait.time = since_begin(wait.time.begin, wait.time.end);
    for (TimeSpan& mean : wait.means) mean = since_begin(mean.begin, mean.end);
  }
  file_.write(step);
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
