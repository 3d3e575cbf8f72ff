// Options: every field of TrainConfig a user can set, in ONE table. It drives the flags, the recipes (TOML), the
// config.toml stored with a run, --print-config and the help text, so none of them can disagree. A recipe's key is the
// flag without its dashes: `--local-batch 128` and `local-batch = 128` are the same setting. Command line beats recipe
// beats default.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/check.h"
#include "train/config/config.h"

namespace drift {

// How a value looks in TOML. On the command line every value is text; a list is separated by commas.
enum class ValueKind : std::uint8_t { kText, kSwitch, kInteger, kNumber, kList };

struct Option {
  std::string name;         // "local-batch"
  std::string alias;        // "wd" for weight-decay; or ""
  std::string section;      // a heading of the help text
  std::string placeholder;  // "N" in `--local-batch N`
  std::string help;
  ValueKind kind = ValueKind::kText;
  std::string allowed;               // "an integer of at least 1"; completes "--local-batch must be ..."
  std::vector<std::string> choices;  // for "did you mean"; may be empty
  std::string excludes;              // an option that may not be given beside this one; setting one resets the other
  bool fixed_on_resume = true;       // it decides the bits of the run, so a resumed run cannot change it

  std::function<std::optional<std::string>(const TrainConfig&)> get;  // nullopt: not set
  std::function<bool(TrainConfig&, std::string_view)> set;            // false: not allowed, and nothing changed
  std::function<void(TrainConfig& to, const TrainConfig& from)> copy;
};

// In the order of the help text; sections are contiguous.
const std::vector<Option>& train_options();
const TrainConfig& default_config();
// By name or alias; nullptr if there is none.
const Option* find_option(std::string_view name);
// "--lr X", "--nesterov".
std::string flag_of(const Option& option);

// One value somebody gave.
struct Setting {
  std::string name;  // of the option, or its alias
  std::string text;
  std::string where;  // what messages call it: "--lr", "recipes/qsr.toml:7: lr"
};

// One source of settings. Errors in it are of `kind`: kUsage on the command line, kConfig in files.
struct SettingLayer {
  std::string origin;  // what --print-config calls it: "command line", "recipe FILE"
  ErrorKind kind = ErrorKind::kConfig;
  std::vector<Setting> settings;
};

// Throws kConfig for a file that cannot be read, is not TOML or has an unknown key (with a "did you mean").
SettingLayer read_recipe(const std::filesystem::path& path);

struct ResolvedConfig {
  TrainConfig config;
  std::map<std::string, std::string, std::less<>> origins;  // by option name; options that nobody set are absent

  std::string origin_of(std::string_view name) const;  // "default" for those
};

// Later layers win. Throws for an unknown name, a value that is not allowed and for options that exclude each other in
// one layer.
// --decay-epochs without --lr-schedule implies "steps", cifar100 without --classes 100 of them.
ResolvedConfig resolve_config(std::span<const SettingLayer> layers);
// The same on top of the config a checkpoint was written with. Throws kUsage when a layer changes an option that is
// fixed on resume; giving the same value again is fine, so a run's command line plus --resume DIR works.
ResolvedConfig resolve_resumed_config(const TrainConfig& saved, const std::string& saved_origin,
                                      std::span<const SettingLayer> layers);

// Every value that is set, by section; reading it back gives the same config exactly.
std::string config_to_toml(const TrainConfig& config);
// Like config_to_toml with the origin of each value behind it, and what is not set as a comment.
std::string annotated_toml(const ResolvedConfig& resolved);
// `name` is what errors (kConfig) call the text.
TrainConfig config_from_toml(std::string_view text, std::string_view name = "config.toml");

}  // namespace drift
