#include "train/config/toml.h"

#include <sstream>
#include <toml++/toml.h>

#include "core/check.h"
#include "core/log.h"
#include "core/regular_file.h"
#include "core/text.h"
#include "train/config/flat_toml.h"

namespace drift {
namespace {

std::string kind_text(ValueKind kind) {
  switch (kind) {
    case ValueKind::kText:
      return "a string in quotes";
    case ValueKind::kSwitch:
      return "true or false";
    case ValueKind::kInteger:
      return "an integer";
    case ValueKind::kNumber:
      return "a number";
    case ValueKind::kList:
      return "a list of numbers in brackets";
  }
  return "?";
}

// A TOML value as the command line would spell it; nullopt if it is of another kind than the option's.
std::optional<std::string> value_text(const toml::node& node, ValueKind kind) {
  switch (kind) {
    case ValueKind::kText:
      if (const auto* text = node.as_string()) return text->get();
      return std::nullopt;
    case ValueKind::kSwitch:
      if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
      return std::nullopt;
    case ValueKind::kNumber:
      if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
      [[fallthrough]];
    case ValueKind::kInteger:
      if (const auto* number = node.as_integer()) return fmt::format("{}", number->get());
      return std::nullopt;
    case ValueKind::kList: {
      const auto* array = node.as_array();
      if (array == nullptr) return value_text(node, ValueKind::kNumber);
      std::vector<std::string> items;
      for (const toml::node& item : *array) {
        const std::optional<std::string> text = value_text(item, ValueKind::kNumber);
        if (!text) return std::nullopt;
        items.push_back(*text);
      }
      return joined(items, ",");
    }
  }
  return std::nullopt;
}

std::string toml_value(const Option& option, const std::string& text) {
  switch (option.kind) {
    case ValueKind::kText: {
      std::ostringstream quoted;
      quoted << toml::toml_formatter{toml::value<std::string>(text), toml::format_flags::none};  // in double quotes
      return quoted.str();
    }
    case ValueKind::kList:
      return "[" + text + "]";
    default:
      return text;
  }
}

toml::table parse(std::string_view text, const std::string& name) {
  check_is_flat_toml(text, name);
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    DRIFT_FAIL(kConfig, "{}:{}: not valid TOML: {}", name, error.source().begin.line, error.description());
  }
}

// Takes the keys out of the table.
OwnKeys take_own(std::span<const std::string_view> names, const std::string& file, toml::table& table) {
  OwnKeys own;
  const auto take = [&](std::string_view key, const toml::node& node) {
    std::optional<std::string> text = value_text(node, ValueKind::kText);
    if (!text) text = value_text(node, ValueKind::kNumber);
    DRIFT_CHECK(kConfig, text, "{}:{}: {} must be a text, a number or a list of those", file, node.source().begin.line,
                key);
    own[std::string(key)].push_back(*text);
  };
  for (const std::string_view name : names) {
    const toml::node* node = table.get(name);
    if (node == nullptr) continue;
    own[std::string(name)];
    if (const auto* items = node->as_array()) {
      for (const toml::node& item : *items) take(name, item);
    } else {
      take(name, *node);
    }
    table.erase(name);
  }
  return own;
}

SettingLayer layer_of(const toml::table& table, const std::string& name, std::string origin) {
  SettingLayer layer{.origin = std::move(origin), .kind = ErrorKind::kConfig, .settings = {}};
  std::vector<std::string> known;
  for (const Option& option : options_of(Scope::kTrain)) known.push_back(option.name);
  for (const auto& [key_node, node] : table) {
    const std::string key(key_node.str());
    const std::string where = fmt::format("{}:{}: {}", name, key_node.source().begin.line, key);
    const Option* option = find_option(key);
    if (option == nullptr) {
      DRIFT_FAIL(kConfig, "{}: unknown key.{} Keys are the flags of `drift train` without dashes in front", where,
                 did_you_mean(key, known));
    }
    const std::optional<std::string> value = value_text(node, option->kind);
    DRIFT_CHECK(kConfig, value.has_value(), "{} must be {}", where, kind_text(option->kind));
    // In a file "" says that it is not set, as configs of earlier versions do; on a command line it is a mistake.
    if (value->empty() && option->kind == ValueKind::kText && !option->get(default_config())) continue;
    layer.settings.push_back({.name = key, .text = *value, .where = where});
  }
  return layer;
}

// One line per option under its section's heading. `resolved` null: only the values, without where they come from.
template <class Wanted>
std::string write_toml(const TrainConfig& config, const ResolvedConfig* resolved, const Wanted& wanted) {
  std::string toml, section;
  for (const Option& option : options_of(Scope::kTrain)) {
    if (!wanted(option.on_resume)) continue;
    const std::optional<std::string> value = option.get(config);
    const Option* other = find_option(option.excludes);
    const bool replaced = value && other != nullptr && other->get(config) && !other->get(default_config());
    if ((!value || replaced) && resolved == nullptr) continue;
    if (option.section != section) {
      toml += fmt::format("{}# {}\n", section.empty() ? "" : "\n", option.section);
      section = option.section;
    }
    if (!value || replaced) {
      toml += fmt::format("# {} =  # {}\n", option.name, replaced ? "replaced by " + other->name : "not set");
      continue;
    }
    const std::string line = fmt::format("{} = {}", option.name, toml_value(option, *value));
    toml += resolved == nullptr ? line + "\n" : fmt::format("{:<40} # {}\n", line, resolved->origin_of(option.name));
  }
  return toml;
}

}  // namespace

SettingLayer read_recipe(const std::filesystem::path& path) {
  return read_extended_recipe(path, {}).options;
}

ExtendedRecipe read_extended_recipe(const std::filesystem::path& path, std::span<const std::string_view> own) {
  constexpr std::size_t kBytesMax = 1 << 20;
  toml::table table = parse(read_text(path, kBytesMax, ErrorKind::kConfig), path.string());
  ExtendedRecipe recipe{.options = {}, .own = take_own(own, path.string(), table)};
  recipe.options = layer_of(table, path.string(), "recipe " + path.string());
  std::erase_if(recipe.options.settings, [](const Setting& setting) {
    if (setting.name != "resume" && setting.name != "change") return false;
    log_warning("{}: left out: a recipe starts a run, --resume on the command line goes on with one", setting.where);
    return true;
  });
  return recipe;
}

std::string config_to_toml(const TrainConfig& config) {
  return write_toml(config, nullptr, [](OnResume rule) { return rule != OnResume::kSession; });
}

std::string common_toml(const TrainConfig& config) {
  return write_toml(config, nullptr,
                    [](OnResume rule) { return rule != OnResume::kSession && rule != OnResume::kRenamed; });
}

std::string annotated_toml(const ResolvedConfig& resolved) {
  return write_toml(resolved.config, &resolved, [](OnResume) { return true; });
}

TrainConfig config_from_toml(std::string_view text, std::string_view name) {
  SettingLayer layer = layer_of(parse(text, std::string(name)), std::string(name), std::string(name));
  std::erase_if(layer.settings, [](const Setting& setting) {  // earlier versions kept some
    return find_option(setting.name)->on_resume == OnResume::kSession;
  });
  return resolve_config(std::span(&layer, 1)).config;
}

}  // namespace drift
