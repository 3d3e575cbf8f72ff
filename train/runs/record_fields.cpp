#include "train/runs/record_fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <type_traits>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

constexpr std::int64_t kCountMost = std::int64_t{1} << 53;  // sums are numbers, too

template <auto Member>
struct MemberOf;
template <class R, class T, T R::*Member>
struct MemberOf<Member> {
  using Record = R;
  using Type = T;
};

template <class T>
constexpr bool kIsOptional = false;
template <class T>
constexpr bool kIsOptional<std::optional<T>> = true;

Json json_of(std::int64_t value) {
  return value;
}
Json json_of(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}
Json json_of(const std::optional<double>& value) {
  return value ? json_of(*value) : Json();
}
Json json_of(const std::string& value) {
  return value;
}
Json json_of(Sync value) {
  return name_of(value);
}

void take(std::int64_t& value, const Json& json) {
  value = json.get<std::int64_t>();
}
void take(double& value, const Json& json) {
  value = json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.get<double>();
}
void take(std::optional<double>& value, const Json& json) {
  value = json.get<double>();
}
void take(std::string& value, const Json& json) {
  value = json.get<std::string>();
}
void take(Sync& value, const Json& json) {
  const std::optional<Sync> found = parse_sync(json.get<std::string>());
  DRIFT_CHECK(kData, found, "no record of a run: 'sync' is {}", json.dump());
  value = *found;
}

template <auto Member, auto... Rest, class R>
Json get_at(const R& record) {
  const auto& value = record.*Member;
  if constexpr (sizeof...(Rest) == 0) {
    return json_of(value);
  } else if constexpr (kIsOptional<std::decay_t<decltype(value)>>) {
    return value ? get_at<Rest...>(*value) : Json();
  } else {
    return get_at<Rest...>(value);
  }
}

template <auto Member, auto... Rest, class R>
void set_at(R& record, const Json& json) {
  auto& value = record.*Member;
  if constexpr (sizeof...(Rest) == 0) {
    take(value, json);
  } else if constexpr (kIsOptional<std::decay_t<decltype(value)>>) {
    set_at<Rest...>(value ? *value : value.emplace(), json);
  } else {
    set_at<Rest...>(value, json);
  }
}

template <auto... Path>
struct LastOf;
template <auto Last>
struct LastOf<Last> {
  using Type = typename MemberOf<Last>::Type;
};
template <auto First, auto Second, auto... Rest>
struct LastOf<First, Second, Rest...> : LastOf<Second, Rest...> {};

template <class T>
constexpr FieldType field_type(const FieldText& text) {
  if (std::is_same_v<T, std::int64_t>) return FieldType::kCount;
  if (std::is_same_v<T, std::optional<double>>) return FieldType::kNumber;
  if (std::is_same_v<T, double>) return text.may_be_infinite ? FieldType::kMeasured : FieldType::kNumber;
  return FieldType::kText;
}

// field<&StepRecord::loss>({...}), or of a part field<&StepRecord::times, &StepTimes::comm_seconds>({...}).
template <auto First, auto... Rest>
constexpr auto field(const FieldText& text) {
  using R = typename MemberOf<First>::Record;
  return Field<R>{text, field_type<typename LastOf<First, Rest...>::Type>(text),
                  [](const R& record) { return get_at<First, Rest...>(record); },
                  [](R& record, const Json& json) { set_at<First, Rest...>(record, json); }};
}

constexpr Presence kRequired = Presence::kRequired, kUsual = Presence::kUsual, kOptional = Presence::kOptional;

constexpr std::array kBegin = {
    field<&BeginRecord::step>({"step", "", "steps done", kRequired}),
    field<&BeginRecord::time>({"time", "", "UTC, as 2026-01-31T12:00:00Z"}),
    field<&BeginRecord::host>({"host", "", "where process 0 ran"}),
};

template <auto Member>
constexpr auto time(std::string_view name, std::string_view meaning, std::string_view tag = {}) {
  return field<&StepRecord::times, Member>({name, "s", meaning, kUsual, tag});
}

constexpr std::array kStep = {
    field<&StepRecord::step>({"step", "", "its number, from 0", kRequired}),
    field<&StepRecord::epoch>({"epoch", "", "epochs, this step included", kRequired, "train/epoch"}),
    field<&StepRecord::samples>({"samples", "", "samples of all workers, this step included", kRequired}),
    field<&StepRecord::round>({"round", "", "parameter averages before it"}),
    field<&StepRecord::period>(
        {"H", "steps", "length of this round; 1 where gradients are averaged", kUsual, "train/H"}),
    field<&StepRecord::lr>({"lr", "", "learning rate", kUsual, "train/lr"}),
    field<&StepRecord::loss>({"loss", "", "mean over the workers, on augmented batches, smoothed as trained on",
                              kRequired, "train/loss", true}),
    field<&StepRecord::top1>({"top1", "", "the part of these batches that was right", kUsual, "train/top1"}),
    field<&StepRecord::sync>(
        {"sync", "",
         "averaged at its end: `gradients`, `parameters`, a `fragment` of them, all within a `node`, or `none`"}),
    field<&StepRecord::images_per_second>({"img_s", "1/s", "images per second", kUsual, "speed/img_s"}),
    field<&StepRecord::seconds>({"t_step", "s", "wall time since the step before", kRequired, "time/step"}),
    Field<StepRecord>{{"t_compute", "s", "`t_upload` + `t_fwd` + `t_bwd` + `t_opt`", kUsual, "time/compute"},
                      FieldType::kNumber,
                      [](const StepRecord& record) { return json_of(record.times.compute_seconds()); },
                      nullptr},
    time<&StepTimes::upload_seconds>(
        "t_upload",
        "the batch on its way to the device; this and the next four by the device's clock, means over workers"),
    time<&StepTimes::forward_seconds>("t_fwd", "forward, augmentation and loss"),
    time<&StepTimes::backward_seconds>("t_bwd", "backward"),
    time<&StepTimes::update_seconds>("t_opt", "update"),
    time<&StepTimes::comm_seconds>("t_comm", "averages that are waited for, and for others in them", "time/comm"),
    time<&StepTimes::data_seconds>(
        "t_data", "the host waiting for the batch; this and the next two of the host, means over workers"),
    time<&StepTimes::enqueue_seconds>("t_enqueue", "enqueuing the step but for averages; on a CPU, doing it"),
    time<&StepTimes::comm_host_seconds>("t_comm_host", "in the communicator"),
    field<&StepRecord::bytes>({"bytes", "B", "sent by all workers in this step", kRequired, "comm/bytes"}),
};

constexpr std::array kRound = {
    field<&RoundRecord::step>({"step", "", "its last step", kRequired}),
    field<&RoundRecord::epoch>({"epoch", "", "epochs, that step included"}),
    field<&RoundRecord::round>({"round", "", "its number, from 0"}),
    field<&RoundRecord::period>({"H", "steps", "its length"}),
    field<&RoundRecord::loss>(
        {"loss", "", "of the workers, at that step; the average's is the next step's", kUsual, {}, true}),
    field<&RoundRecord::consensus>({"consensus", "", "mean squared distance of the workers' parameters to their mean",
                                    kUsual, "round/consensus", true}),
    field<&RoundRecord::relative_consensus>(
        {"consensus_rel", "", "the same, of the squared norm of that mean", kUsual, "round/consensus_rel", true}),
    field<&RoundRecord::update>(
        {"update", "", "how far the mean moved since the round before", kOptional, "round/update"}),
    field<&RoundRecord::cosine>(
        {"cosine", "", "between the updates of two workers, on average", kOptional, "round/cosine"}),
};

template <auto Member>
constexpr auto held_out(std::string_view name, std::string_view meaning, std::string_view tag = {},
                        bool may_be_infinite = false) {
  return field<&EvalRecord::validation, Member>({name, "", meaning, kOptional, tag, may_be_infinite});
}

constexpr std::array kEval = {
    field<&EvalRecord::step>({"step", "", "steps done", kRequired}),
    field<&EvalRecord::epoch>({"epoch", "", "epochs done"}),
    field<&EvalRecord::loss>({"loss", "", "cross-entropy on the test images", kRequired, "test/loss", true}),
    field<&EvalRecord::top1>({"top1", "", "the part of them that was right", kRequired, "test/top1"}),
    field<&EvalRecord::correct>({"correct", "", "their number", kRequired}),
    field<&EvalRecord::top5>({"top5", "", "the part whose label is among the best five classes", kUsual, "test/top5"}),
    field<&EvalRecord::correct_top5>({"correct_top5", "", "their number"}),
    field<&EvalRecord::total>({"total", "", "test images", kRequired}),
    held_out<&ValidationRecord::loss>("val_loss", "with `--val-split`: the same on the images held out", "val/loss",
                                      true),
    held_out<&ValidationRecord::top1>("val_top1", "as above", "val/top1"),
    held_out<&ValidationRecord::correct>("val_correct", "as above"),
    held_out<&ValidationRecord::top5>("val_top5", "as above", "val/top5"),
    held_out<&ValidationRecord::correct_top5>("val_correct_top5", "as above"),
    held_out<&ValidationRecord::total>("val_total", "images held out"),
    field<&EvalRecord::seconds>({"t_eval", "s", "averaging and re-estimation included", kRequired, "time/eval"}),
};

constexpr std::array kCheckpoint = {
    field<&CheckpointRecord::step>({"step", "", "steps done", kRequired}),
    field<&CheckpointRecord::path>({"path", "", "below the run directory"}),
    field<&CheckpointRecord::seconds>({"t_checkpoint", "s", "until it was on the disk", kUsual, "time/checkpoint"}),
};

constexpr std::array kEnd = {
    field<&EndRecord::step>({"step", "", "steps done", kRequired}),
    field<&EndRecord::time>({"time", "", "UTC"}),
    field<&EndRecord::status>({"status", "", "`finished`, `stopped`, `diverged` or `failed`"}),
};

bool fits(FieldType type, const Json& value) {
  switch (type) {
    case FieldType::kCount:
      return value.is_number_integer() && value >= 0 && value <= kCountMost;
    case FieldType::kNumber:
      return value.is_number();
    case FieldType::kMeasured:
      return value.is_number() || value.is_null();
    case FieldType::kText:
      return value.is_string();
  }
  return false;
}

std::string_view name_of(FieldType type) {
  switch (type) {
    case FieldType::kCount:
      return "count";
    case FieldType::kNumber:
      return "number";
    case FieldType::kMeasured:
      return "number or null";
    case FieldType::kText:
      return "text";
  }
  return "?";
}

template <class R>
R read_record(const Json& line, std::string_view place) {
  R record;
  for (const Field<R>& field : fields_of<R>()) {
    const auto value = line.find(field.text.name);
    if (value == line.end()) {
      DRIFT_CHECK(kData, field.text.presence != kRequired, "{}: no record of a run: '{}' is missing in {}", place,
                  field.text.name, kind_of<R>().name);
      const bool is_number = field.type == FieldType::kNumber || field.type == FieldType::kMeasured;
      if (is_number && field.text.presence == kUsual && field.set != nullptr) field.set(record, Json());
      continue;
    }
    DRIFT_CHECK(kData, fits(field.type, *value), "{}: no record of a run: '{}' must be of type {}", place,
                field.text.name, name_of(field.type));
    if (field.set != nullptr) field.set(record, *value);
  }
  return record;
}

// Calls f.template operator()<R>() for the kind of each record, in the order of `Record`, until one returns true.
template <class F, std::size_t... Kinds>
bool any_kind(const F& f, std::index_sequence<Kinds...>) {
  return (f.template operator()<std::variant_alternative_t<Kinds, Record>>() || ...);
}
template <class F>
bool any_kind(const F& f) {
  return any_kind(f, std::make_index_sequence<std::variant_size_v<Record>>());
}

}  // namespace

template <>
RecordKind kind_of<BeginRecord>() {
  return {"begin", "the run starts, or goes on"};
}
template <>
RecordKind kind_of<StepRecord>() {
  return {"step", "every step"};
}
template <>
RecordKind kind_of<RoundRecord>() {
  return {"round", "every round, with `--telemetry`"};
}
template <>
RecordKind kind_of<EvalRecord>() {
  return {"eval", "every evaluation, of the averaged model"};
}
template <>
RecordKind kind_of<CheckpointRecord>() {
  return {"checkpoint", "every checkpoint"};
}
template <>
RecordKind kind_of<EndRecord>() {
  return {"end", "it ends, is finished or not"};
}

template <>
std::span<const Field<BeginRecord>> fields_of<BeginRecord>() {
  return kBegin;
}
template <>
std::span<const Field<StepRecord>> fields_of<StepRecord>() {
  return kStep;
}
template <>
std::span<const Field<RoundRecord>> fields_of<RoundRecord>() {
  return kRound;
}
template <>
std::span<const Field<EvalRecord>> fields_of<EvalRecord>() {
  return kEval;
}
template <>
std::span<const Field<CheckpointRecord>> fields_of<CheckpointRecord>() {
  return kCheckpoint;
}
template <>
std::span<const Field<EndRecord>> fields_of<EndRecord>() {
  return kEnd;
}

Json to_json(const Record& record) {
  return std::visit(
      []<class R>(const R& typed) {
        Json line = {{"kind", kind_of<R>().name}};
        for (const Field<R>& field : fields_of<R>()) {
          Json value = field.get(typed);
          if (value.is_null() && field.text.presence == kOptional) continue;
          line[std::string(field.text.name)] = std::move(value);
        }
        return line;
      },
      record);
}

Record record_from(const Json& line, std::string_view place) {
  const auto kind = line.find("kind");
  std::string kinds;
  Record record;
  const bool known = any_kind([&]<class R>() {
    kinds += fmt::format("{}{}", kinds.empty() ? "" : ", ", kind_of<R>().name);
    if (kind == line.end() || *kind != kind_of<R>().name) return false;
    record = read_record<R>(line, place);
    return true;
  });
  DRIFT_CHECK(kData, known, "{}: no record of a run: 'kind' must be one of {}", place, kinds);
  return record;
}

std::string record_fields_markdown() {
  std::string text = "| Field | Type | Unit | Meaning |\n|---|---|---|---|\n";
  any_kind([&]<class R>() {
    text += fmt::format("| **`{}`** | | | **{}** |\n", kind_of<R>().name, kind_of<R>().meaning);
    for (const Field<R>& field : fields_of<R>()) {
      text += fmt::format("| `{}` | {} | {} | {} |\n", field.text.name, name_of(field.type), field.text.unit,
                          field.text.meaning);
    }
    return false;
  });
  return text;
}

}  // namespace drift
