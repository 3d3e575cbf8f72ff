#include "train/config/resolve.h"

#include <algorithm>
#include <set>

#include "core/check.h"
#include "core/text.h"
#include "train/config/option_kinds.h"
#include "train/config/paths.h"

namespace drift {
namespace {

[[noreturn]] void refuse(ErrorKind kind, std::string message,
                         std::source_location where = std::source_location::current()) {
  throw Error(kind, std::move(message), {}, where);
}

const Option& option_of(const Setting& setting, Scope scope, ErrorKind kind) {
  const Option* option = find_option(setting.name, scope);
  if (option != nullptr) return *option;
  std::vector<std::string> names;
  for (const Option& known : options_of(scope)) names.push_back(known.name);
  refuse(kind,
         fmt::format("{}: there is no option '{}'.{}", setting.where, setting.name, did_you_mean(setting.name, names)));
}

void apply_layer(const SettingLayer& layer, Scope scope, ResolvedConfig& resolved) {
  std::map<std::string, const Setting*, std::less<>> given;
  for (const Setting& setting : layer.settings) {
    const Option& option = option_of(setting, scope, layer.kind);
    if (const auto other = given.find(option.excludes); other != given.end()) {
      refuse(layer.kind,
             fmt::format("{} and {} exclude each other: give one of them", other->second->where, setting.where));
    }
    if (const auto before = given.find(option.name); before != given.end()) {
      refuse(layer.kind, fmt::format("{} is given twice ({} too)", setting.where, before->second->where));
    }
    if (!option.set(resolved.config, setting.text)) {
      refuse(layer.kind, fmt::format("{} must be {}, found '{}'.{}", setting.where, option.allowed, setting.text,
                                     did_you_mean(setting.text, option.choices)));
    }
    if (!option.excludes.empty()) {
      const Option& other = *find_option(option.excludes, scope);
      other.copy(resolved.config, default_config(scope));
      resolved.origins.erase(other.name);
    }
    given[option.name] = &setting;
    resolved.origins[option.name] = layer.origin;
  }
}

void apply_implied(ResolvedConfig& resolved) {
  TrainConfig& config = resolved.config;
  if (!config.lr.decay_epochs.empty() && !resolved.origins.contains("lr-schedule")) {
    config.lr.shape = LrShape::kSteps;
    resolved.origins["lr-schedule"] = "implied by --decay-epochs";
  }
  if (config.data.spec.starts_with("cifar100:") && !resolved.origins.contains("classes")) {
    config.model.classes = 100;
    resolved.origins["classes"] = "implied by --data";
  }
}

constexpr const char* kOfStatesText =
    "A checkpoint has the states of that very network; a new run can start from its model with --weights "
    "DIR/model.safetensors";

bool is_fixed(const Option& option) {
  return option.on_resume == OnResume::kFixed || option.on_resume == OnResume::kOfStates;
}

std::vector<std::string> free_options() {
  std::vector<std::string> free;
  for (const Option& option : options_of(Scope::kTrain)) {
    if (!is_fixed(option)) free.push_back("--" + option.name);
  }
  return free;
}

// The options in --change; each must have got a value.
std::set<std::string> named_in_change(const ResolvedConfig& resolved, const std::string& saved_origin) {
  std::set<std::string> names;
  for (const std::string_view word : options::split(resolved.config.files.change, ',')) {
    const Option& option =
        option_of({.name = std::string(word), .text = "", .where = "--change"}, Scope::kTrain, ErrorKind::kUsage);
    DRIFT_CHECK(kUsage, option.on_resume != OnResume::kOfStates, "--change {}: it cannot be changed. {}", word,
                kOfStatesText);
    DRIFT_CHECK(kUsage, resolved.origin_of(option.name) != saved_origin && resolved.origins.contains(option.name),
                "--change {}: and what to? Give --{} too", word, option.name);
    names.insert(option.name);
  }
  return names;
}

// Whether a setting means something beside the others; what does not may not be given.
bool applies(std::string_view name, const TrainConfig& config) {
  if (name == "period" || name == "qsr-alpha") return config.sync.algorithm != Algorithm::kSgd;
  if (name == "switch-epoch" || name == "switch-step") return config.sync.algorithm == Algorithm::kPostLocal;
  return name != "decay-epochs" || config.lr.shape == LrShape::kSteps;
}

// What follows for a branch from the options that it changes. Returns all that may differ.
std::set<std::string> settle_branch(const std::set<std::string>& named, const std::string& saved_origin,
                                    ResolvedConfig& resolved) {
  std::set<std::string> may = named;
  for (const std::string& name : named) may.insert(find_option(name)->excludes);
  if (named.contains("decay-epochs") && resolved.origins["lr-schedule"] == saved_origin) {
    resolved.origins.erase("lr-schedule");
    apply_implied(resolved);
    may.insert("lr-schedule");
  }
  for (const Option& option : options_of(Scope::kTrain)) {
    if (named.empty() || applies(option.name, resolved.config)) continue;
    if (resolved.origin_of(option.name) != saved_origin) continue;  // somebody asks for it: that is an error
    option.copy(resolved.config, default_config());
    resolved.origins.erase(option.name);
    may.insert(option.name);
  }
  return may;
}

}  // namespace

std::string ResolvedConfig::origin_of(std::string_view name) const {
  const auto found = origins.find(name);
  return found == origins.end() ? "default" : found->second;
}

ResolvedConfig resolve_config(std::span<const SettingLayer> layers, Scope scope) {
  ResolvedConfig resolved{.config = default_config(scope), .origins = {}};
  for (const SettingLayer& layer : layers) apply_layer(layer, scope, resolved);
  apply_implied(resolved);
  return resolved;
}

std::vector<ChangedOption> changed_options(const TrainConfig& before, const TrainConfig& now) {
  std::vector<ChangedOption> changed;
  const std::vector<std::string_view> named = options::split(now.files.change, ',');
  for (const Option& option : options_of(Scope::kTrain)) {
    const bool is_another =
        option.on_resume == OnResume::kRenamed && std::ranges::find(named, option.name) != named.end();
    if (!is_fixed(option) && option.on_resume != OnResume::kLastBits && !is_another) continue;
    ChangedOption values{option.name, option.get(before), option.get(now)};
    if (values.before != values.now) changed.push_back(std::move(values));
  }
  return changed;
}

ResolvedConfig resolve_resumed_config(const TrainConfig& saved, const std::string& saved_origin,
                                      std::span<const SettingLayer> layers) {
  ResolvedConfig resolved{.config = saved, .origins = {}};
  for (const Option& option : options_of(Scope::kTrain)) {
    if (option.get(saved)) resolved.origins[option.name] = saved_origin;
  }
  for (const SettingLayer& layer : layers) apply_layer(layer, Scope::kTrain, resolved);
  make_paths_absolute(resolved.config);
  const std::set<std::string> may = settle_branch(named_in_change(resolved, saved_origin), saved_origin, resolved);
  for (const ChangedOption& changed : changed_options(saved, resolved.config)) {
    const Option& option = *find_option(changed.name);
    if (!is_fixed(option) || may.contains(changed.name)) continue;
    const std::string values = fmt::format("--{} is {} in the run to be resumed, and {} here", changed.name,
                                           changed.before.value_or("not set"), changed.now.value_or("not set"));
    DRIFT_CHECK(kUsage, option.on_resume != OnResume::kOfStates, "{}. {}", values, kOfStatesText);
    DRIFT_FAIL(kUsage,
               "{}. A resumed run continues the same bits, so only {} may change; to go on from there in another way, "
               "in a run of its own, add --change {}",
               values, joined(free_options()), changed.name);
  }
  return resolved;
}

}  // namespace drift
