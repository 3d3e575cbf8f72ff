#include "train/runs/profile_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"
#include "core/file_errors.h"
#include "core/regular_file.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

constexpr std::array kSyncs = {Sync::kNone, Sync::kGradients, Sync::kParameters};

Json json_of(const ProfileSession& session) {
  Json memory = Json::array();
  for (const MachineRates::Bandwidth& rate : session.rates.memory) memory.push_back({rate.bytes, rate.per_second});
  return {{"kind", "session"},
          {"number", session.number},
          {"process", session.process},
          {"processes", session.processes},
          {"first_step", session.first_step},
          {"time", session.time},
          {"host", session.host},
          {"model", session.model},
          {"workers", session.workers},
          {"local_batch", session.local_batch},
          {"every", session.every},
          {"worker_threads", session.worker_threads},
          {"workers_at_once", session.workers_at_once},
          {"bytes_per_s", std::move(memory)},
          {"multiply_adds_per_s", session.rates.multiply_adds}};
}

Json pair_of(const TimeSpan& time) {
  return Json::array({time.begin, time.length()});
}

// Operations are columns: three arrays are written several times as fast as one for each.
Json json_of(const ProfiledStep& step) {
  std::vector<std::int64_t> ops, at, lengths;
  for (const ProfiledCall& call : step.calls) {
    ops.push_back(call.op);
    at.push_back(call.time.begin);
    lengths.push_back(call.time.length());
  }
  Json parts = Json::array(), waits = Json::array();
  for (const ProfiledPart& part : step.parts) parts.push_back({part.name, part.time.begin, part.time.length()});
  for (const ProfiledWait& wait : step.waits) {
    Json means = Json::array();
    for (const TimeSpan& mean : wait.means) means.push_back(pair_of(mean));
    waits.push_back({{"ready", wait.ready},
                     {"wait", pair_of(wait.time)},
                     {"elements", wait.elements},
                     {"bytes", wait.bytes},
                     {"means", std::move(means)}});
  }
  return {{"kind", "step"},           {"step", step.step},   {"worker", step.worker},     {"sync", name_of(step.sync)},
          {"H", step.period},         {"first", step.first}, {"begin", step.begin},       {"duration", step.duration},
          {"op", std::move(ops)},     {"at", std::move(at)}, {"for", std::move(lengths)}, {"parts", std::move(parts)},
          {"waits", std::move(waits)}};
}

ProfileSession session_from(const Json& line) {
  ProfileSession session{.number = line.at("number").get<std::int64_t>(),
                         .process = line.at("process").get<int>(),
                         .processes = line.at("processes").get<int>(),
                         .first_step = line.at("first_step").get<Step>(),
                         .time = line.at("time").get<std::string>(),
                         .host = line.at("host").get<std::string>(),
                         .model = line.at("model").get<std::string>(),
                         .workers = line.at("workers").get<int>(),
                         .local_batch = line.at("local_batch").get<std::int64_t>(),
                         .every = line.at("every").get<std::int64_t>(),
                         .worker_threads = line.at("worker_threads").get<int>(),
                         .workers_at_once = line.at("workers_at_once").get<int>()};
  for (const Json& rate : line.at("bytes_per_s")) {
    session.rates.memory.push_back({rate.at(0).get<std::int64_t>(), rate.at(1).get<double>()});
  }
  session.rates.multiply_adds = line.at("multiply_adds_per_s").get<double>();
  return session;
}

TimeSpan span_from(const Json& begin, const Json& length) {
  return {begin.get<Nanoseconds>(), begin.get<Nanoseconds>() + length.get<Nanoseconds>()};
}

ProfiledStep step_from(const Json& line, std::size_t ops_known, const std::string& where) {
  ProfiledStep step{.step = line.at("step").get<Step>(),
                    .worker = line.at("worker").get<int>(),
                    .period = line.at("H").get<Step>(),
                    .first = line.at("first").get<bool>(),
                    .begin = line.at("begin").get<Nanoseconds>(),
                    .duration = line.at("duration").get<Nanoseconds>()};
  const auto name = line.at("sync").get<std::string>();
  const auto sync = std::ranges::find_if(kSyncs, [&](Sync known) { return name_of(known) == name; });
  DRIFT_CHECK(kData, sync != kSyncs.end(), "{} ends with an average of '{}': gradients, parameters or none", where,
              name);
  step.sync = *sync;
  const Json &ops = line.at("op"), &at = line.at("at"), &lengths = line.at("for");
  DRIFT_CHECK(kData, ops.size() == at.size() && ops.size() == lengths.size(),
              "{} has {} operations, {} beginnings and {} durations", where, ops.size(), at.size(), lengths.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto id = ops[i].get<std::int64_t>();
    DRIFT_CHECK(kData, id >= 0 && std::cmp_less(id, ops_known),
                "{} has operation {}, and no line before says what it is", where, id);
    step.calls.push_back({.op = id, .time = span_from(at[i], lengths[i])});
  }
  for (const Json& part : line.at("parts")) {
    step.parts.push_back({.name = part.at(0).get<std::string>(), .time = span_from(part.at(1), part.at(2))});
  }
  for (const Json& one : line.at("waits")) {
    ProfiledWait wait{.ready = one.at("ready").get<Nanoseconds>(),
                      .time = span_from(one.at("wait").at(0), one.at("wait").at(1)),
                      .elements = one.at("elements").get<std::int64_t>(),
                      .bytes = one.at("bytes").get<std::int64_t>()};
    for (const Json& mean : one.at("means")) wait.means.push_back(span_from(mean.at(0), mean.at(1)));
    step.waits.push_back(std::move(wait));
  }
  return step;
}

void take_line(const Json& line, const std::string& where, std::vector<RecordedSession>& sessions) {
  const auto kind = line.at("kind").get<std::string>();
  if (kind == "session") {
    sessions.push_back({.session = session_from(line), .ops = {}, .steps = {}, .cost = {}});
    return;
  }
  DRIFT_CHECK(kData, !sessions.empty(), "{} is a line of kind '{}' before the one that begins a session", where, kind);
  RecordedSession& last = sessions.back();
  if (kind == "op") {
    const auto id = line.at("id").get<std::int64_t>();
    DRIFT_CHECK(kData, std::cmp_equal(id, last.ops.size()), "{} says what operation {} is, and the next one is {}",
                where, id, last.ops.size());
    last.ops.push_back({.op = line.at("op").get<std::string>(),
                        .part = line.at("part").get<std::string>(),
                        .layer = line.at("layer").get<std::string>(),
                        .bytes = line.at("bytes").get<std::int64_t>(),
                        .multiply_adds = line.at("multiply_adds").get<std::int64_t>()});
  } else if (kind == "step") {
    last.steps.push_back(step_from(line, last.ops.size(), where));
  } else if (kind == "end") {
    last.cost = ProfileCost{.recording_seconds = line.at("recording_s").get<double>(),
                            .step_seconds = line.at("steps_s").get<double>(),
                            .steps = line.at("steps").get<std::int64_t>(),
                            .recorded = line.at("recorded").get<std::int64_t>()};
  } else {
    DRIFT_FAIL(kData, "{} is a line of kind '{}': session, op, step or end", where, kind);
  }
}

// Before one appends to it.
const fs::path& without_torn_line(const fs::path& path) {
  constexpr std::size_t kBytesMax = std::size_t{4} << 30;
  const std::optional<std::string> text = text_if_there(path, kBytesMax, ErrorKind::kData);
  if (!text || text->empty() || text->back() == '\n') return path;
  with_file_errors(ErrorKind::kOutput, [&] { fs::resize_file(path, text->rfind('\n') + 1); });
  return path;
}

}  // namespace

double MachineRates::floor_seconds(std::int64_t bytes, std::int64_t products) const {
  double seconds = multiply_adds > 0 ? static_cast<double>(products) / multiply_adds : 0;
  if (memory.empty()) return seconds;
  const auto found = std::ranges::find_if(memory, [&](const Bandwidth& rate) { return bytes <= rate.bytes; });
  const Bandwidth& rate = found == memory.end() ? memory.back() : *found;
  return rate.per_second > 0 ? std::max(seconds, static_cast<double>(bytes) / rate.per_second) : seconds;
}

void ProfileCost::add(const ProfileCost& more) {
  recording_seconds += more.recording_seconds;
  step_seconds += more.step_seconds;
  steps += more.steps;
  recorded += more.recorded;
}

fs::path profile_path(const fs::path& run, int process) {
  return run / kProfileDirectory / fmt::format("process-{}.jsonl", process);
}

ProfileFile::ProfileFile(const fs::path& path, const ProfileSession& session) : lines_(without_torn_line(path)) {
  lines_.write(json_of(session));
}

std::int64_t ProfileFile::id_of(const ProfiledOp& op) {
  const std::lock_guard lock(mutex_);
  const auto [found, is_new] =
      ids_.try_emplace({op.op, op.part, op.layer, op.bytes, op.multiply_adds}, std::ssize(ids_));
  if (is_new) {
    lines_.write({{"kind", "op"},
                  {"id", found->second},
                  {"op", op.op},
                  {"part", op.part},
                  {"layer", op.layer},
                  {"bytes", op.bytes},
                  {"multiply_adds", op.multiply_adds}});
  }
  return found->second;
}

void ProfileFile::write(const ProfiledStep& step) {
  const Json line = json_of(step);
  const std::lock_guard lock(mutex_);
  lines_.write(line);
}

void ProfileFile::add(const ProfileCost& cost) {
  const std::lock_guard lock(mutex_);
  cost_.add(cost);
}

ProfileCost ProfileFile::cost() const {
  const std::lock_guard lock(mutex_);
  return cost_;
}

void ProfileFile::write_end() {
  const ProfileCost all = cost();
  const std::lock_guard lock(mutex_);
  lines_.write({{"kind", "end"},
                {"recording_s", all.recording_seconds},
                {"steps_s", all.step_seconds},
                {"steps", all.steps},
                {"recorded", all.recorded}});
}

std::int64_t sessions_in(const fs::path& path) {
  if (!with_file_errors(ErrorKind::kData, [&] { return fs::exists(path); })) return 0;
  std::int64_t count = 0;
  for_each_json_line(path, [&](Json&& line, std::size_t) { count += line.value("kind", Json()) == "session" ? 1 : 0; });
  return count;
}

std::vector<RecordedSession> read_profile_file(const fs::path& path) {
  std::vector<RecordedSession> sessions;
  for_each_json_line(path, [&](Json&& line, std::size_t number) {
    const std::string where = fmt::format("{}:{}", path.string(), number);
    try {
      take_line(line, where, sessions);
    } catch (const Json::exception& wrong) {
      DRIFT_FAIL(kData, "{} is no line of a profile: {}", where, wrong.what());
    }
  });
  return sessions;
}

}  // namespace drift
