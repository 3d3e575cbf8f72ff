#include "analysis/report/arms.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <set>

#include "core/text.h"
#include "train/config/options.h"

namespace drift {
namespace {

constexpr std::string_view kSeed = "seed";

// Of what decides a run, but for the seed.
bool distinguishes(const Option& option) {
  const OnResume rule = option.on_resume;
  return (rule == OnResume::kFixed || rule == OnResume::kOfStates || rule == OnResume::kRenamed) &&
         option.name != kSeed;
}

std::vector<std::string> distinguishing_values(const TrainConfig& config) {
  std::vector<std::string> values;
  for (const Option& option : options_of(Scope::kTrain)) {
    if (distinguishes(option)) values.push_back(option.get(config).value_or(""));
  }
  return values;
}

std::string own_name(const RunRecords& run) {
  std::filesystem::path path = std::filesystem::absolute(run.path / "").lexically_normal().parent_path();
  return path.filename().string();
}

// "algo local, period 16"; short options first, as they are read.
std::string name_from(const std::vector<Difference>& differences, std::size_t arm) {
  std::vector<std::string> words;
  for (const Difference& difference : differences) {
    if (!difference.values[arm].empty()) words.push_back(difference.option + " " + difference.values[arm]);
  }
  return joined(words);
}

// Names that some other arm has, too, get numbers.
void make_unique(std::vector<Arm>& arms) {
  std::map<std::string, int> count;
  for (const Arm& arm : arms) ++count[arm.name];
  std::map<std::string, int> number;
  for (Arm& arm : arms) {
    if (count[arm.name] > 1) arm.name += fmt::format(" ({})", ++number[arm.name]);
  }
}

}  // namespace

std::vector<Arm> arms_of(std::vector<RunRecords> runs) {
  std::vector<Arm> arms;
  std::vector<std::vector<std::string>> values;
  std::vector<std::set<std::uint64_t>> seeds;
  for (RunRecords& run : runs) {
    const std::vector<std::string> own = distinguishing_values(run.config);
    // The same seed again is no repetition: it would make an interval of nothing.
    std::size_t place = 0;
    while (place < arms.size() && (values[place] != own || seeds[place].contains(run.config.seed))) ++place;
    if (place == arms.size()) {
      arms.emplace_back();
      values.push_back(own);
      seeds.emplace_back();
    }
    seeds[place].insert(run.config.seed);
    arms[place].runs.push_back(std::move(run));
  }
  const std::vector<Difference> different = differences(arms);
  for (std::size_t i = 0; i < arms.size(); ++i) {
    std::ranges::sort(arms[i].runs, {}, [](const RunRecords& run) { return run.config.seed; });
    const std::string name = arms.size() > 1 && different.size() <= 3 ? name_from(different, i) : "";
    arms[i].name = name.empty() ? own_name(arms[i].runs.front()) : name;
  }
  make_unique(arms);
  return arms;
}

std::vector<Difference> differences(const std::vector<Arm>& arms) {
  std::vector<Difference> found;
  for (const Option& option : options_of(Scope::kTrain)) {
    if (!distinguishes(option)) continue;
    Difference difference{option.name, {}};
    for (const Arm& arm : arms) difference.values.push_back(option.get(arm.runs.front().config).value_or(""));
    const std::set<std::string> different(difference.values.begin(), difference.values.end());
    if (different.size() > 1) found.push_back(std::move(difference));
  }
  return found;
}

}  // namespace drift
