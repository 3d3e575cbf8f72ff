// From settings that somebody gave to one TrainConfig. Command line beats recipe beats default.
#pragma once

#include <map>
#include <span>

#include "core/error.h"
#include "train/config/options.h"

namespace drift {

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

struct ResolvedConfig {
  TrainConfig config;
  std::map<std::string, std::string, std::less<>> origins;  // by option name; options that nobody set are absent

  std::string origin_of(std::string_view name) const;  // "default" for those
};

// Later layers win. Throws for a name that the command does not have, a value that is not allowed and for options that
// exclude each other in one layer. --decay-epochs without --lr-schedule implies "steps", cifar100 without --classes 100
// of them.
ResolvedConfig resolve_config(std::span<const SettingLayer> layers, Scope scope = Scope::kTrain);
// The same on top of the config a checkpoint was written with. Throws kUsage when a layer changes an option that is
// fixed on resume (Option::on_resume) and not in --change; giving the same value again is fine, so a run's command line
// plus --resume DIR works. --change: throws kUsage for names of no option, of one that no branch can change, and of one
// that no layer gives.
ResolvedConfig resolve_resumed_config(const TrainConfig& saved, const std::string& saved_origin,
                                      std::span<const SettingLayer> layers);

struct ChangedOption {
  std::string name;
  std::optional<std::string> before, now;  // nullopt: not set
};
// What differs of all that decides the bits of a run, or the last of them. What may have other names
// (OnResume::kRenamed) is among it where --change names it: there it is something else.
std::vector<ChangedOption> changed_options(const TrainConfig& before, const TrainConfig& now);

}  // namespace drift
