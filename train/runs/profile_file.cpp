#include "train/runs/profile_file.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/check.h"
#include "core/file_errors.h"

namespace drift {
namespace fs = std::filesystem;
namespace {

Json json_of(const ProfileSession& session) {
  return {{"kind", "session"},
          {"number", session.number},
          {"process", session.process},
          {"processes", session.processes},
          {"first_step", session.first_step},
          {"time", session.time},
          {"host", session.host},
          {"device", session.device},
          {"model", session.model},
          {"workers", session.workers},
          {"local_batch", session.local_batch},
          {"every", session.every},
          {"worker_threads", session.worker_threads},
          {"workers_at_once", session.workers_at_once},
          {"bytes_per_s", memory_json(session.rates)},
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

// An integer that differences of two and sums of a few do not overflow: nine years, in nanoseconds.
constexpr std::int64_t kMost = std::int64_t{1} << 58;

// Members of a line of the file.
class Line {
 public:
  Line(const Json& json, const std::string& where) : json_(json), where_(where) {}

  const std::string& where() const { return where_; }
  const Json& at(const char* name) const { return json_.at(name); }
  std::string text(const char* name) const { return json_.at(name).get<std::string>(); }
  std::int64_t integer(const char* name, std::int64_t least = 0, std::int64_t most = kMost) const {
    return checked(json_.at(name), name, least, most);
  }
  int small(const char* name, int least = 0) const { return static_cast<int>(integer(name, least, 1 << 20)); }
  double rate(const char* name) const { return json_.at(name).get<double>(); }
  // A time and how long it took.
  TimeSpan span(const Json& begin, const Json& length, const char* name) const {
    const std::int64_t from = checked(begin, name, -kMost, kMost);
    return {from, from + checked(length, name, 0, kMost)};
  }

 private:
  std::int64_t checked(const Json& value, const char* name, std::int64_t least, std::int64_t most) const {
    DRIFT_CHECK(kData,
                value.is_number_integer() && std::cmp_less_equal(least, value.get<std::int64_t>()) &&
                    std::cmp_less_equal(value.get<std::int64_t>(), most),
                "{}: \"{}\" must be an integer from {} to {}, and is {}", where_, name, least, most, value.dump());
    return value.get<std::int64_t>();
  }

  const Json& json_;
  const std::string& where_;
};

ProfileSession session_from(const Line& line) {
  ProfileSession session{.number = line.integer("number"),
                         .process = line.small("process"),
                         .processes = line.small("processes", 1),
                         .first_step = line.integer("first_step"),
                         .time = line.text("time"),
                         .host = line.text("host"),
                         .device = line.text("device"),
                         .model = line.text("model"),
                         .workers = line.small("workers", 1),
                         .local_batch = line.integer("local_batch", 1),
                         .every = line.integer("every", 1),
                         .worker_threads = line.small("worker_threads", 1),
                         .workers_at_once = line.small("workers_at_once", 1)};
  for (const Json& rate : line.at("bytes_per_s")) {
    session.rates.memory.push_back({rate.at(0).get<std::int64_t>(), rate.at(1).get<double>()});
  }
  session.rates.multiply_adds = line.rate("multiply_adds_per_s");
  return session;
}

Sync sync_from(const Line& line) {
  const std::string name = line.text("sync");
  const std::optional<Sync> sync = parse_sync(name);
  DRIFT_CHECK(kData, sync, "{} ends with an average of '{}': gradients, fragment, node, parameters or none",
              line.where(), name);
  return *sync;
}

ProfiledStep step_from(const Line& line, std::size_t ops_known) {
  ProfiledStep step{.step = line.integer("step"),
                    .worker = line.small("worker"),
                    .sync = sync_from(line),
                    .period = line.integer("H", 1),
                    .first = line.at("first").get<bool>(),
                    .begin = line.integer("begin", -kMost),
                    .duration = line.integer("duration")};
  const Json &ops = line.at("op"), &at = line.at("at"), &lengths = line.at("for");
  DRIFT_CHECK(kData, ops.size() == at.size() && ops.size() == lengths.size(),
              "{} has {} operations, {} beginnings and {} durations", line.where(), ops.size(), at.size(),
              lengths.size());
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto id = ops.at(i).get<std::int64_t>();
    DRIFT_CHECK(kData, id >= 0 && std::cmp_less(id, ops_known),
                "{} has operation {}, and no line before says what it is", line.where(), id);
    step.calls.push_back({.op = id, .time = line.span(at.at(i), lengths.at(i), "at")});
  }
  for (const Json& part : line.at("parts")) {
    step.parts.push_back({.name = part.at(0).get<std::string>(), .time = line.span(part.at(1), part.at(2), "parts")});
  }
  for (const Json& json : line.at("waits")) {
    const Line one(json, line.where());
    ProfiledWait wait{.ready = one.integer("ready", -kMost),
                      .time = one.span(one.at("wait").at(0), one.at("wait").at(1), "wait"),
                      .elements = one.integer("elements"),
                      .bytes = one.integer("bytes")};
    for (const Json& mean : one.at("means")) wait.means.push_back(one.span(mean.at(0), mean.at(1), "means"));
    step.waits.push_back(std::move(wait));
  }
  return step;
}

ProfiledKernel kernel_from(const Line& line, std::size_t ops_known) {
  const std::int64_t op = line.integer("op");
  DRIFT_CHECK(kData, std::cmp_less(op, ops_known), "{} is a kernel of operation {}, and no line before says what it is",
              line.where(), op);
  return {.op = op,
          .worker = line.small("worker"),
          .name = line.text("name"),
          .launches = line.integer("launches", 1, 1LL << 40),
          .duration = line.integer("duration")};
}

void take_line(const Line& line, std::vector<RecordedSession>& sessions) {
  const std::string kind = line.text("kind");
  if (kind == "session") {
    sessions.push_back({.session = session_from(line), .ops = {}, .steps = {}, .kernels = {}, .cost = {}});
    return;
  }
  DRIFT_CHECK(kData, !sessions.empty(), "{} is a line of kind '{}' before the one that begins a session", line.where(),
              kind);
  RecordedSession& last = sessions.back();
  if (kind == "op") {
    const std::int64_t id = line.integer("id");
    DRIFT_CHECK(kData, std::cmp_equal(id, last.ops.size()), "{} says what operation {} is, and the next one is {}",
                line.where(), id, last.ops.size());
    last.ops.push_back({.op = line.text("op"),
                        .part = line.text("part"),
                        .layer = line.text("layer"),
                        .bytes = line.integer("bytes"),
                        .multiply_adds = line.integer("multiply_adds")});
  } else if (kind == "step") {
    last.steps.push_back(step_from(line, last.ops.size()));
  } else if (kind == "kernel") {
    last.kernels.push_back(kernel_from(line, last.ops.size()));
  } else if (kind == "end") {
    last.cost = ProfileCost{.recording_seconds = line.rate("recording_s"),
                            .step_seconds = line.rate("steps_s"),
                            .steps = line.integer("steps"),
                            .recorded = line.integer("recorded")};
  } else {
    DRIFT_FAIL(kData, "{} is a line of kind '{}': session, op, step, kernel or end", line.where(), kind);
  }
}

const fs::path& without_torn_line(const fs::path& path) {
  cut_torn_line(path);
  return path;
}

}  // namespace

Json memory_json(const MachineRates& rates) {
  Json memory = Json::array();
  for (const MachineRates::Bandwidth& rate : rates.memory) memory.push_back({rate.bytes, rate.per_second});
  return memory;
}

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

OpIds::Id OpIds::of(const ProfiledOp& op) {
  const auto [found, is_new] =
      known_.try_emplace({op.op, op.part, op.layer, op.bytes, op.multiply_adds}, std::ssize(known_));
  return {found->second, is_new};
}

std::int64_t ProfileFile::id_of(const ProfiledOp& op) {
  const std::lock_guard lock(mutex_);
  const OpIds::Id id = ids_.of(op);
  if (id.is_new) {
    lines_.write({{"kind", "op"},
                  {"id", id.number},
                  {"op", op.op},
                  {"part", op.part},
                  {"layer", op.layer},
                  {"bytes", op.bytes},
                  {"multiply_adds", op.multiply_adds}});
  }
  return id.number;
}

void ProfileFile::write(const ProfiledStep& step) {
  const Json line = json_of(step);
  const std::lock_guard lock(mutex_);
  lines_.write(line);
}

void ProfileFile::write(const ProfiledKernel& kernel) {
  const std::lock_guard lock(mutex_);
  lines_.write({{"kind", "kernel"},
                {"op", kernel.op},
                {"worker", kernel.worker},
                {"name", kernel.name},
                {"launches", kernel.launches},
                {"duration", kernel.duration}});
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
      take_line(Line(line, where), sessions);
    } catch (const Json::exception& wrong) {
      DRIFT_FAIL(kData, "{} is no line of a profile: {}", where, wrong.what());
    }
  });
  return sessions;
}

}  // namespace drift
