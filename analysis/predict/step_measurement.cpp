#include "analysis/predict/step_measurement.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <string_view>
#include <utility>

#include "core/check.h"
#include "models/dry_model.h"
#include "models/layer_trace.h"
#include "train/config/bounds.h"
#include "train/step/buckets.h"

namespace drift {
namespace {

constexpr double kMostSeconds = 1e6, kMostWorkers = 1024;

// One object of the file, key by key.
class Fields {
 public:
  Fields(std::string file, const Json& object, std::string prefix = "")
      : file_(std::move(file)), object_(object), prefix_(std::move(prefix)) {}

  double number(const char* key, const options::Range& range) const {
    const auto found = object_.find(key);
    const bool good = found != object_.end() && found->is_number() && range.contains(found->get<double>());
    DRIFT_CHECK(kData, good, "{}: \"{}{}\" must be {}, and {}", file_, prefix_, key, range.text("a number"),
                found == object_.end() ? "is missing" : "is " + found->dump().substr(0, 80));
    return found->get<double>();
  }
  double seconds(const char* key) const { return number(key, {.min = 0, .max = kMostSeconds}); }
  double seconds_or_0(const char* key) const { return object_.contains(key) ? seconds(key) : 0; }
  std::int64_t count(const char* key, double most = options::kMostCounted) const {
    const double value = number(key, {.min = 1, .max = most});
    DRIFT_CHECK(kData, value == static_cast<double>(static_cast<std::int64_t>(value)),
                "{}: \"{}{}\" must be a whole number, and is {}", file_, prefix_, key, value);
    return static_cast<std::int64_t>(value);
  }
  std::string text(const char* key) const {
    const auto found = object_.find(key);
    DRIFT_CHECK(kData, found != object_.end() && found->is_string(), "{}: \"{}{}\" must be a text, and {}", file_,
                prefix_, key, found == object_.end() ? "is missing" : "is " + found->dump().substr(0, 80));
    return found->get<std::string>();
  }
  bool has(const char* key) const { return object_.contains(key); }
  Fields below(const char* key) const {
    const auto found = object_.find(key);
    DRIFT_CHECK(kData, found != object_.end() && found->is_object(), "{}: \"{}{}\" must be an object", file_, prefix_,
                key);
    return {file_, *found, fmt::format("{}{}.", prefix_, key)};
  }
  const Json& object() const { return object_; }
  const std::string& file() const { return file_; }

 private:
  std::string file_;
  const Json& object_;
  std::string prefix_;
};

Json cost_json(const AveragingCost& cost) {
  return {{"per_bucket", cost.per_bucket}, {"per_byte", cost.per_byte}, {"noise", cost.noise}};
}

AveragingCost cost_of(const Fields& fields) {
  return {.per_bucket = fields.seconds("per_bucket"),
          .per_byte = fields.seconds("per_byte"),
          .noise = fields.seconds_or_0("noise")};
}

void read_weights(const Fields& fields, StepMeasurement& measurement) {
  measurement.floats = fields.count("floats");
  measurement.decayed = fields.count("decayed");
  const Json& weights = fields.object().at("weights");
  bool good = weights.is_array() && !weights.empty() && measurement.decayed <= measurement.floats;
  for (std::size_t i = 0; good && i < weights.size(); ++i) {
    const Json& one = weights[i];
    good = one.is_array() && one.size() == 2 && one[0].is_number_integer() && one[1].is_number();
    if (!good) break;
    const StepMeasurement::Weight weight = {.begin = one[0].get<std::int64_t>(), .final = one[1].get<double>()};
    const std::int64_t least = i == 0 ? 0 : measurement.weights.back().begin + 1;
    good = (i == 0 ? weight.begin == 0 : weight.begin >= least) && weight.begin < measurement.decayed &&
           weight.final >= 0 && weight.final <= measurement.backward;
    measurement.weights.push_back(weight);
  }
  DRIFT_CHECK(kData, good,
              "{}: \"weights\" must be [[place, seconds], ...], places rising from 0 to \"decayed\", which is at most "
              "\"floats\", seconds at most \"backward\"",
              fields.file());
}

void take_named_network(const Fields& fields, StepMeasurement& measurement) {
  constexpr double kMostClasses = 1e6;
  ModelOptions model = {.name = measurement.model};
  if (fields.has("classes")) model.classes = fields.count("classes", kMostClasses);
  try {
    take_network(model, measurement);
  } catch (const Error& error) {
    DRIFT_FAIL(kData, "{}: \"model\", of which the file has no \"weights\": {}", fields.file(), error.message());
  }
}

}  // namespace

std::vector<ArenaRange> StepMeasurement::buckets(std::int64_t bytes) const {
  std::vector<std::int64_t> begins;
  for (const Weight& weight : weights) begins.push_back(weight.begin);
  return cut_into_buckets(begins, decayed, floats, bytes);
}

void take_network(const ModelOptions& model, StepMeasurement& measurement) {
  const std::unique_ptr<Model> network = make_dry_model(model);
  const ParameterSet& set = network->parameters;
  measurement.floats = std::ssize(set.values());
  measurement.decayed = set.decayed_count();
  std::map<std::string, double, std::less<>> done;  // multiply-adds of backward up to a layer and with it
  double all = 0;
  std::vector<LayerInfo> layers = trace_layers(model);
  std::ranges::reverse(layers);
  for (const LayerInfo& layer : layers) done[layer.name] = all += static_cast<double>(layer.multiply_adds);
  measurement.weights.clear();
  for (const Parameter* const parameter : set.parameters()) {
    if (parameter->offset() >= measurement.decayed) continue;
    const auto layer = done.find(parameter->layer());
    const double share = layer == done.end() || all == 0 ? 1 : layer->second / all;
    measurement.weights.push_back({.begin = parameter->offset(), .final = share * measurement.backward});
  }
  std::ranges::sort(measurement.weights, {}, &StepMeasurement::Weight::begin);
}

Json measurement_json(const StepMeasurement& measurement) {
  Json weights = Json::array();
  for (const StepMeasurement::Weight& weight : measurement.weights) weights.push_back({weight.begin, weight.final});
  return {{"model", measurement.model},
          {"origin", measurement.origin},
          {"workers_per_process", measurement.workers_per_process},
          {"local_batch", measurement.local_batch},
          {"forward", measurement.forward},
          {"backward", measurement.backward},
          {"update", measurement.update},
          {"noise", measurement.noise},
          {"spread", measurement.spread},
          {"round_end", measurement.round_end},
          {"message", measurement.message},
          {"link", {{"bytes_per_s", measurement.link.bytes_per_second}, {"latency", measurement.link.latency_seconds}}},
          {"overlapped", cost_json(measurement.overlapped)},
          {"behind", cost_json(measurement.behind)},
          {"floats", measurement.floats},
          {"decayed", measurement.decayed},
          {"weights", weights}};
}

StepMeasurement read_measurement(const std::filesystem::path& path) {
  const Json file = read_json_object(path);
  const Fields top(path.string(), file);
  const Fields fields = top.has("measurement") ? top.below("measurement") : top;
  StepMeasurement measurement = {
      .model = fields.text("model"),
      .origin = fields.text("origin"),
      .workers_per_process = static_cast<int>(fields.count("workers_per_process", kMostWorkers)),
      .local_batch = fields.count("local_batch"),
      .forward = fields.seconds("forward"),
      .backward = fields.seconds("backward"),
      .update = fields.seconds("update"),
      .noise = fields.seconds_or_0("noise"),
      .spread = fields.seconds_or_0("spread"),
      .round_end = fields.seconds_or_0("round_end"),
      .message = fields.seconds_or_0("message"),
      .overlapped = cost_of(fields.below("overlapped")),
      .behind = cost_of(fields.below("behind"))};
  if (fields.has("link")) {
    const Fields link = fields.below("link");
    measurement.link = {.bytes_per_second = link.number("bytes_per_s", {.min = 0, .max = 1e15}),
                        .latency_seconds = link.seconds("latency")};
  }
  DRIFT_CHECK(kData, measurement.local() > 0, "{}: \"forward\", \"backward\" and \"update\" are all 0", path.string());
  if (fields.has("weights")) {
    read_weights(fields, measurement);
  } else {
    take_named_network(fields, measurement);
  }
  return measurement;
}

}  // namespace drift
