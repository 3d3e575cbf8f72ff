#include "analysis/compare/comparison.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <sstream>
#include <string_view>

#include "core/check.h"
#include "core/text.h"
#include "train/config/bounds.h"
#include "train/config/option_kinds.h"
#include "train/config/toml.h"

namespace drift {
namespace {

constexpr std::array<std::string_view, 5> kOwnKeys = {"first-phase", "starts", "arms", "seeds", "expect"};
// What the comparison itself decides for each run.
constexpr std::array<std::string_view, 4> kDecided = {"out", "name", "resume", "change"};

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// "--algo local --lr=0.1 --no-nesterov" as settings.
SettingLayer settings_from(const std::string& text, const std::string& where) {
  SettingLayer layer{.origin = where, .kind = ErrorKind::kConfig, .settings = {}};
  std::vector<std::string> known;
  for (const Option& option : options_of(Scope::kTrain)) known.push_back("--" + option.name);
  const std::vector<std::string> words = words_of(text);
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    DRIFT_CHECK(kConfig, word.starts_with("--"), "{}: '{}' stands where an option is expected, as --lr 0.1", where,
                word);
    const std::size_t sign = word.find('=');
    std::string name = word.substr(2, sign == std::string::npos ? sign : sign - 2);
    const bool is_negated = name.starts_with("no-") && find_option(name) == nullptr;
    if (is_negated) name.erase(0, 3);
    const Option* option = find_option(name);
    DRIFT_CHECK(kConfig, option != nullptr, "{}: unknown option '{}'.{} They are those of `drift train`", where, word,
                did_you_mean(word.substr(0, sign), known));
    DRIFT_CHECK(kConfig, std::ranges::find(kDecided, option->name) == kDecided.end(),
                "{}: --{} is what the comparison decides", where, option->name);
    std::string value;
    if (option->kind == ValueKind::kSwitch && sign == std::string::npos) {
      value = is_negated ? "false" : "true";
    } else if (sign != std::string::npos) {
      value = word.substr(sign + 1);
    } else {
      DRIFT_CHECK(kConfig, ++i < words.size(), "{}: {} has no value", where, word);
      value = words[i];
    }
    layer.settings.push_back({.name = option->name, .text = value, .where = fmt::format("{}: {}", where, word)});
  }
  return layer;
}

bool is_arm_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && !name.starts_with("start-") && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

ArmPlan arm_from(const std::string& text, const std::string& file) {
  const std::size_t colon = text.find(':');
  DRIFT_CHECK(kConfig, colon != std::string::npos && is_arm_name(text.substr(0, colon)),
              "{}: arms: '{}' must be a name of letters, digits and -, a colon and options, as 'local64: --algo local "
              "--period 64'",
              file, text);
  const std::string name = text.substr(0, colon);
  return {.name = name, .settings = settings_from(text.substr(colon + 1), fmt::format("{}: arm {}", file, name))};
}

Expectation expectation_from(const std::string& text, const std::vector<ArmPlan>& arms, const std::string& file) {
  const std::vector<std::string> words = words_of(text);
  const auto is_arm = [&](const std::string& word) {
    return std::ranges::find(arms, word, &ArmPlan::name) != arms.end();
  };
  const bool is_sentence = words.size() == 5 && is_arm(words[0]) && words[1] == "-" && is_arm(words[2]) &&
                           (words[3] == ">" || words[3] == "<");
  const std::optional<double> points = is_sentence ? options::parse_number(words[4]) : std::nullopt;
  DRIFT_CHECK(kConfig, points, "{}: expect: '{}' must be ARM - OTHER > POINTS, or < POINTS, with names of arms", file,
              text);
  return {.text = text, .arm = words[0], .other = words[2], .above = words[3] == ">", .points = *points};
}

// The single value of a key that has one.
std::optional<std::string> one(const OwnKeys& keys, std::string_view key, const std::string& file) {
  const auto found = keys.find(key);
  if (found == keys.end()) return std::nullopt;
  DRIFT_CHECK(kConfig, found->second.size() == 1, "{}: {} must be one value, not {}", file, key, found->second.size());
  return found->second.front();
}

int count(const OwnKeys& keys, std::string_view key, const std::string& file) {
  constexpr int kMost = 1000;
  const std::optional<std::string> text = one(keys, key, file);
  if (!text) return 1;
  const std::optional<std::int64_t> number = parse_integer(*text);
  DRIFT_CHECK(kConfig, number && *number >= 1 && *number <= kMost, "{}: {} must be an integer from 1 to {}, found {}",
              file, key, kMost, *text);
  return static_cast<int>(*number);
}

TrainConfig config_of(const Comparison& comparison, const SettingLayer& own, int repetition) {
  std::vector<SettingLayer> layers = comparison.common;
  layers.push_back(own);
  TrainConfig config = resolve_config(layers).config;
  config.seed += static_cast<std::uint64_t>(repetition);
  return config;
}

// What a branch cannot do is found now, not when its first phase has been trained.
void check_branch(const TrainConfig& parent, const PlannedRun& run) {
  for (const ChangedOption& changed : changed_options(parent, run.config)) {
    DRIFT_CHECK(kConfig, find_option(changed.name)->on_resume != OnResume::kOfStates,
                "arm {}: --{} is {} in the first phase and {} here: the states are of it, so no arm can change it",
                run.arm, changed.name, changed.before.value_or("not set"), changed.now.value_or("not set"));
  }
}

}  // namespace

Comparison read_comparison(const std::filesystem::path& recipe, const SettingLayer& given,
                           const std::filesystem::path& origin) {
  const std::string file = recipe.string();
  ExtendedRecipe read = read_extended_recipe(recipe, kOwnKeys);
  Comparison comparison{.name = recipe.stem().string(), .common = {std::move(read.options), given}};
  const auto phase = one(read.own, "first-phase", file);
  comparison.starts = count(read.own, "starts", file);
  comparison.seeds = count(read.own, "seeds", file);
  DRIFT_CHECK(kConfig, comparison.starts == 1 || phase,
              "{}: starts = {} needs a first-phase: of what are there to be so many?", file, comparison.starts);
  const bool has_weights = std::ranges::find(given.settings, "weights", &Setting::name) != given.settings.end();
  DRIFT_CHECK(kUsage, !has_weights || origin.empty(), "--from and --weights: give one start, not two");
  if (!origin.empty()) comparison.origin = look_at_checkpoint(origin);
  if (has_weights || comparison.origin) comparison.starts = 1;
  if (phase && !has_weights && !comparison.origin) {
    comparison.first_phase = settings_from(*phase, file + ": first-phase");
  }
  DRIFT_CHECK(kConfig, comparison.starts <= comparison.seeds, "{}: starts = {}, but only {} seeds would use them", file,
              comparison.starts, comparison.seeds);
  std::set<std::string> names;
  for (const std::string& text : read.own["arms"]) {
    comparison.arms.push_back(arm_from(text, file));
    DRIFT_CHECK(kConfig, names.insert(comparison.arms.back().name).second, "{}: arms: two are called {}", file,
                comparison.arms.back().name);
  }
  DRIFT_CHECK(kConfig, !comparison.arms.empty(),
              "{}: arms is missing: what is to be compared, as [\"sgd: --algo sgd\"]", file);
  for (const std::string& text : read.own["expect"]) {
    comparison.expectations.push_back(expectation_from(text, comparison.arms, file));
  }
  for (const PlannedRun& run : planned_runs(comparison)) {
    if (!run.parent.empty()) check_branch(parent_config(comparison, run), run);
  }
  return comparison;
}

std::vector<PlannedRun> planned_runs(const Comparison& comparison) {
  std::vector<PlannedRun> runs;
  const auto start = [](int number) { return fmt::format("start-{}", number + 1); };
  if (comparison.first_phase) {
    for (int i = 0; i < comparison.starts; ++i) {
      runs.push_back({.arm = "",
                      .repetition = i,
                      .directory = start(i),
                      .parent = "",
                      .config = config_of(comparison, *comparison.first_phase, i)});
    }
  }
  for (int i = 0; i < comparison.seeds; ++i) {
    std::filesystem::path parent;
    if (comparison.first_phase) parent = start(i % comparison.starts);
    if (comparison.origin) parent = comparison.origin->directory;
    for (const ArmPlan& arm : comparison.arms) {
      runs.push_back({.arm = arm.name,
                      .repetition = i,
                      .directory = std::filesystem::path(arm.name) / fmt::format("seed-{}", i + 1),
                      .parent = parent,
                      .config = config_of(comparison, arm.settings, i)});
    }
  }
  return runs;
}

TrainConfig parent_config(const Comparison& comparison, const PlannedRun& run) {
  if (comparison.origin) {
    const std::string name = "config in " + comparison.origin->directory.string();
    return config_from_toml(comparison.origin->meta.config_toml, name);
  }
  return config_of(comparison, *comparison.first_phase, run.repetition % comparison.starts);
}

}  // namespace drift
