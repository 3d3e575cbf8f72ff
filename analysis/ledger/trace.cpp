#include "analysis/ledger/trace.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "analysis/ledger/ledger.h"
#include "core/json_lines.h"

namespace drift {
namespace {

using RecordedStep = Profile::RecordedStep;

constexpr int kBackground = 0;  // its thread; worker k has k + 1

// Sessions may have begun anew with the machine: one that would begin before the last has ended comes a second behind.
std::vector<Nanoseconds> session_offsets(const Profile& profile) {
  std::vector<Nanoseconds> offsets(profile.sessions.size());
  Nanoseconds origin = std::numeric_limits<Nanoseconds>::min(), end = 0;
  for (std::size_t session = 0; session < offsets.size(); ++session) {
    Nanoseconds begin = std::numeric_limits<Nanoseconds>::max(), last = 0;
    for (const RecordedStep& step : profile.steps) {
      if (step.session != session || step.process != 0) continue;
      begin = std::min(begin, step.of.begin);
      last = std::max(last, step.of.begin + step.of.duration);
    }
    if (last == 0) continue;
    if (origin == std::numeric_limits<Nanoseconds>::min()) origin = begin;
    constexpr Nanoseconds kApart = 1'000'000'000;
    offsets[session] = begin - origin >= end ? -origin : end + kApart - begin;
    end = last + offsets[session];
  }
  return offsets;
}

// A clock beside that of process 0, at one moment.
struct Sighting {
  Nanoseconds time = 0, offset = 0;
};

// Between the two in the middle, so that medians of both lie on a line if all do.
Nanoseconds median(std::vector<Nanoseconds> values) {
  std::ranges::sort(values);
  const Nanoseconds below = values[(values.size() - 1) / 2], above = values[values.size() / 2];
  return below + (above - below) / 2;
}

Sighting middle_of(std::span<const Sighting> sightings) {
  std::vector<Nanoseconds> times, offsets;
  for (const Sighting& one : sightings) {
    times.push_back(one.time);
    offsets.push_back(one.offset);
  }
  return {median(std::move(times)), median(std::move(offsets))};
}

// One offset for all steps, because single ones scatter by what a message takes, and steps that follow each other must
// not overlap; over minutes a line, because clocks of machines go at rates of their own. sightings: in order, one at
// least.
class ClockLine {
 public:
  explicit ClockLine(std::span<const Sighting> sightings) : start_(middle_of(sightings)) {
    constexpr Nanoseconds kLong = 60'000'000'000;
    const std::size_t half = sightings.size() / 2;
    if (half == 0) return;
    const Sighting early = middle_of(sightings.first(half)), late = middle_of(sightings.subspan(half));
    if (late.time - early.time < kLong) return;
    start_ = early;
    rate_ = static_cast<double>(late.offset - early.offset) / static_cast<double>(late.time - early.time);
  }

  Nanoseconds at(Nanoseconds time) const {
    const double more = rate_ * static_cast<double>(time - start_.time);
    return start_.offset + static_cast<Nanoseconds>(std::clamp(more, -1e18, 1e18));
  }

 private:
  Sighting start_;
  double rate_ = 0;
};

class TraceWriter {
 public:
  TraceWriter(const Profile& profile, const std::function<void(std::string_view)>& write)
      : profile_(profile), write_(write) {}

  void add(const Json& event) {
    write_(is_first_ ? "\n" : ",\n");
    write_(event.dump());
    is_first_ = false;
  }

  void name(const char* what, int process, int thread, const std::string& name) {
    add({{"ph", "M"}, {"name", what}, {"pid", process}, {"tid", thread}, {"args", {{"name", name}}}});
  }

  void step(const RecordedStep& recorded, Nanoseconds offset) {
    const ProfiledStep& step = recorded.of;
    const int thread = step.worker + 1;
    const Nanoseconds zero = step.begin + offset;
    const auto slice = [&](const std::string& name, const char* kind, const TimeSpan& time, int on, const Json& args) {
      add({{"ph", "X"},
           {"name", name},
           {"cat", kind},
           {"pid", recorded.process},
           {"tid", on},
           {"ts", 1e-3 * static_cast<double>(zero + time.begin)},
           {"dur", 1e-3 * static_cast<double>(time.length())},
           {"args", args}});
    };
    const std::string kind = title_of(step.sync);
    slice(step.sync == Sync::kParameters ? kind : kind + " step", "step", {0, step.duration}, thread,
          {{"step", step.step}, {"H", step.period}, {"first", step.first}});
    for (const ProfiledPart& part : step.parts) slice(part.name, "part", part.time, thread, Json::object());
    for (const ProfiledWait& wait : step.waits) {
      slice("wait", "communication", wait.time, thread, {{"bytes", wait.bytes}, {"elements", wait.elements}});
      if (!is_speaker(recorded)) continue;
      for (const TimeSpan& mean : wait.means) slice("mean", "communication", mean, kBackground, {{"step", step.step}});
    }
    for (const ProfiledCall& call : step.calls) {
      const ProfiledOp& op = profile_.ops[static_cast<std::size_t>(call.op)];
      slice(op.op, op.part.c_str(), call.time, thread,
            {{"layer", op.layer}, {"bytes", op.bytes}, {"multiply_adds", op.multiply_adds}});
    }
  }

 private:
  // The first worker of a process: the others waited for the same means.
  bool is_speaker(const RecordedStep& step) {
    return speakers_.try_emplace(step.process, step.of.worker).first->second == step.of.worker;
  }

  const Profile& profile_;
  const std::function<void(std::string_view)>& write_;
  std::map<int, int> speakers_;
  bool is_first_ = true;
};

}  // namespace

std::vector<Nanoseconds> clock_offsets(const Profile& profile) {
  const auto workers = static_cast<std::size_t>(profile.latest().workers);
  std::map<std::pair<int, std::size_t>, std::vector<Sighting>> clocks;  // by process and session
  for (std::size_t place = 0; place < profile.steps.size(); ++place) {
    const RecordedStep& step = profile.steps[place];
    if (!averages_over_all(step.of.sync)) continue;  // processes did not meet
    const auto steps = std::span(profile.steps).subspan(place - place % workers, workers);
    const auto first = end_of_wait(steps, 0, 0), own = end_of_wait(steps, step.process, 0);
    if (first && own) clocks[{step.process, step.session}].push_back({*own, *first - *own});
  }
  std::map<std::pair<int, std::size_t>, ClockLine> lines;
  for (const auto& [clock, sightings] : clocks) {
    if (clock.first != 0) lines.emplace(clock, ClockLine(sightings));
  }
  std::vector<Nanoseconds> offsets;
  for (const RecordedStep& step : profile.steps) {
    const auto line = lines.find({step.process, step.session});
    offsets.push_back(line == lines.end() ? 0 : line->second.at(step.of.begin));
  }
  return offsets;
}

void write_trace(const Profile& profile, const std::function<void(std::string_view)>& write) {
  write("{\"displayTimeUnit\": \"ms\", \"traceEvents\": [");
  TraceWriter trace(profile, write);
  const std::vector<Nanoseconds> offsets = clock_offsets(profile), sessions = session_offsets(profile);
  std::set<std::pair<int, int>> named;
  for (std::size_t i = 0; i < profile.steps.size(); ++i) {
    const RecordedStep& step = profile.steps[i];
    if (named.emplace(step.process, -1).second) {
      trace.name("process_name", step.process, kBackground, fmt::format("process {}", step.process));
    }
    if (named.emplace(step.process, step.of.worker).second) {
      trace.name("thread_name", step.process, step.of.worker + 1, fmt::format("worker {}", step.of.worker));
    }
    const bool averages =
        std::ranges::any_of(step.of.waits, [](const ProfiledWait& wait) { return !wait.means.empty(); });
    if (averages && named.emplace(step.process, -2).second) {
      trace.name("thread_name", step.process, kBackground, "averages in the background");
    }
    trace.step(step, offsets[i] + sessions[step.session]);
  }
  write("\n]}\n");
}

}  // namespace drift
