#include "train/checkpoint/weights_model.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "core/check.h"
#include "core/text.h"
#include "train/checkpoint/file_tensors.h"

namespace drift {
namespace {

constexpr const char* kModelKey = "drift.model";
constexpr const char* kGroupsKey = "drift.groups";
constexpr const char* kV1Key = "drift.resnet-v1";

using Entries = std::map<std::string_view, const TensorEntry*>;

Entries entries_by_name(const TensorFile& file) {
  Entries entries;
  for (const TensorEntry& entry : file.entries()) {
    if (!is_batch_count(entry.name)) entries.emplace(without_wrappers(entry.name), &entry);
  }
  return entries;
}

// Of the model's tensor of this name, or nothing.
const TensorEntry* entry_of(const Entries& entries, std::string_view name) {
  auto found = entries.find(name);
  if (found == entries.end()) found = entries.find(other_name(name));
  return found == entries.end() ? nullptr : found->second;
}

std::string text_of(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? "" : found->second;
}

// Every network that the file may hold: those with a name, and the CIFAR ResNet of as many layers.
std::vector<std::string> candidates(const TensorFile& file) {
  std::vector<std::string> names = model_names();
  const std::string told = text_of(file.metadata(), kModelKey);
  if (!told.empty()) names.insert(names.begin(), told);
  const auto convolutions = std::ranges::count_if(file.entries(), [](const auto& e) { return e.shape.size() == 4; });
  constexpr std::ptrdiff_t kMostLayers = 10'000;  // more are no network, and building one would take all memory
  if (convolutions < kMostLayers) names.push_back(fmt::format("cifar-resnet{}", convolutions + 1));
  return names;
}

// Nothing where there is no such network.
std::unique_ptr<Model> try_make_model(const ModelOptions& options) {
  try {
    return make_model(options);
  } catch (const Error&) {
    return nullptr;
  }
}

// The rows of the last linear layer, if the file has it.
std::optional<std::int64_t> classes_in(const Entries& entries, const ParameterSet& model) {
  std::string_view name;
  for (const Parameter* parameter : model.parameters()) {
    if (parameter->role() == ParameterRole::kLinearWeight) name = parameter->name();
  }
  const TensorEntry* const entry = entry_of(entries, name);
  if (entry == nullptr || entry->shape.empty()) return std::nullopt;
  return entry->shape.front();
}

bool has_tensors_of(const Entries& entries, const ParameterSet& model) {
  const FileTensors wanted = file_tensors_of(model);
  return entries.size() == wanted.size() && std::ranges::all_of(wanted, [&](const auto& tensor) {
           const TensorEntry* const entry = entry_of(entries, tensor.first);
           return entry != nullptr && entry->shape == tensor.second.file_shape;
         });
}

// The form of bottlenecks shows in no shape. Nothing where the file does not tell.
std::optional<bool> is_v1(const TensorFile& file) {
  const std::string told = text_of(file.metadata(), kV1Key);
  return told.empty() ? std::nullopt : std::optional(told == "true");
}

const char* v1_flag(bool v1) {
  return v1 ? "--resnet-v1" : "--no-resnet-v1";
}

// The network whose tensors are those of the file. Groups that the file does not tell are those asked for.
std::unique_ptr<Model> model_of(const TensorFile& file, const ModelOptions& asked) {
  const auto entries = entries_by_name(file);
  const std::optional<std::int64_t> groups = parse_integer(text_of(file.metadata(), kGroupsKey));
  for (const std::string& name : candidates(file)) {
    for (const char* norm : {"batch", "group"}) {
      ModelOptions options{.name = name, .norm = norm, .resnet_v1 = is_v1(file).value_or(false)};
      if (options.norm == "group") options.groups = groups.value_or(asked.groups);
      const std::unique_ptr<Model> draft = try_make_model(options);
      const std::optional<std::int64_t> classes = draft ? classes_in(entries, draft->parameters) : std::nullopt;
      if (!classes) continue;
      options.classes = *classes;
      std::unique_ptr<Model> model = try_make_model(options);
      if (model && has_tensors_of(entries, model->parameters)) return model;
    }
  }
  return nullptr;
}

}  // namespace

std::map<std::string, std::string> model_metadata(const ModelOptions& options) {
  return {{kModelKey, options.name},
          {"drift.norm", options.norm},
          {kGroupsKey, std::to_string(options.groups)},
          {"drift.classes", std::to_string(options.classes)},
          {kV1Key, options.resnet_v1 ? "true" : "false"}};
}

std::string model_hint(const TensorFile& file, const ModelOptions& asked) {
  const std::unique_ptr<Model> model = model_of(file, asked);
  if (!model) return "";
  const ModelOptions& found = model->options;
  const bool group = found.norm == "group";
  const bool batch = !model->parameters.buffer_list().empty();
  std::vector<std::string> flags;
  if (found.name != asked.name) flags.push_back("--model " + found.name);
  if (found.norm != asked.norm) flags.push_back("--norm " + found.norm);
  if (group && found.groups != asked.groups) flags.push_back(fmt::format("--groups {}", found.groups));
  if (found.classes != asked.classes) flags.push_back(fmt::format("--classes {}", found.classes));
  if (is_v1(file).value_or(asked.resnet_v1) != asked.resnet_v1) flags.push_back(v1_flag(found.resnet_v1));
  if (flags.empty()) return "";
  return fmt::format("It holds {} with {}{} classes: give {}", found.name,
                     group   ? "group norm, for there are no running statistics, and "
                     : batch ? "batch norm and "
                             : "",
                     found.classes, joined(flags, " "));
}

void check_metadata(const TensorFile& file, const ModelOptions& options) {
  const std::string groups = text_of(file.metadata(), kGroupsKey);
  DRIFT_CHECK(kCheckpoint, options.norm != "group" || groups.empty() || groups == std::to_string(options.groups),
              "{}: was trained with {} groups, the model has {}: give --groups {}", file.path().string(), groups,
              options.groups, groups);
  DRIFT_CHECK(kCheckpoint, is_v1(file).value_or(options.resnet_v1) == options.resnet_v1,
              "{}: was trained with the stride in the {} convolution of a bottleneck: give {}", file.path().string(),
              options.resnet_v1 ? "3x3" : "first 1x1", v1_flag(!options.resnet_v1));
}

}  // namespace drift
