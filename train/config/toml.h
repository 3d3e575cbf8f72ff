// The option table as TOML: flat keys, named like the flags of `drift train`; sections are comments.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/config/resolve.h"

namespace drift {

// Throws kConfig for a file that cannot be read or has more than 1 MiB, is not flat TOML (flat_toml.h) or has an
// unknown key (with a "did you mean").
SettingLayer read_recipe(const std::filesystem::path& path);

// Keys of a recipe that are no options, each with its text, its number, or its list of those.
using OwnKeys = std::map<std::string, std::vector<std::string>, std::less<>>;
struct ExtendedRecipe {
  SettingLayer options;
  OwnKeys own;
};
// The same for recipes in which these keys may stand, too.
ExtendedRecipe read_extended_recipe(const std::filesystem::path& path, std::span<const std::string_view> own);

// Every value that is set and kept with a run, by section; reading it back gives the same config, but for what belongs
// to one session (OnResume::kSession).
std::string config_to_toml(const TrainConfig& config);
// Of that, what must be equal in all processes of a run: each may have its own names of the same things.
std::string common_toml(const TrainConfig& config);
// Like config_to_toml with the origin of each value behind it, and what is not set as a comment.
std::string annotated_toml(const ResolvedConfig& resolved);
// What belonged to a session is left out. `name` is what errors (kConfig) call the text.
TrainConfig config_from_toml(std::string_view text, std::string_view name = "config.toml");

}  // namespace drift
