#include "train/config/resolve.h"

#include <algorithm>

#include "core/check.h"
#include "core/text.h"

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

ResolvedConfig resolve_resumed_config(const TrainConfig& saved, const std::string& saved_origin,
                                      std::span<const SettingLayer> layers) {
  const std::vector<Option>& table = options_of(Scope::kTrain);
  ResolvedConfig resolved{.config = saved, .origins = {}};
  for (const Option& option : table) {
    if (option.get(saved)) resolved.origins[option.name] = saved_origin;
  }
  for (const SettingLayer& layer : layers) apply_layer(layer, Scope::kTrain, resolved);
  for (const Option& option : table) {
    const std::optional<std::string> before = option.get(saved), now = option.get(resolved.config);
    if (!option.fixed_on_resume || before == now) continue;
    std::vector<std::string> free;
    for (const Option& other : table) {
      if (!other.fixed_on_resume) free.push_back("--" + other.name);
    }
    DRIFT_FAIL(
        kUsage,
        "--{} is {} in the run to be resumed, and {} here. A resumed run continues the same bits, so only {} may "
        "change; to go on in another way, start a new run with --weights FILE.safetensors",
        option.name, before.value_or("not set"), now.value_or("not set"), joined(free));
  }
  return resolved;
}

}  // namespace drift
