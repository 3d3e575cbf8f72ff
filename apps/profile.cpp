// drift profile: where the time of a run's steps goes, from what --profile recorded.
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/ledger/difference.h"
#include "analysis/ledger/kernels_text.h"
#include "analysis/ledger/ledger_text.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"
#include "train/config/option_kinds.h"

namespace drift {
namespace {

// Of directories with commas between them.
std::vector<Profile> read_profiles(const std::string& runs) {
  std::vector<Profile> profiles;
  for (const std::string_view run : options::split(runs, ',')) profiles.push_back(read_profile(run));
  return profiles;
}

}  // namespace

int run_profile(int argc, char** argv) {
  CommandLine command_line(
      std::nullopt, "drift profile",
      "Says where the time of steps goes, of a run that was trained with --profile: local, synchronous and last steps "
      "of rounds beside each other, each kind of operation beside what it takes at least on that machine, averages "
      "divided into waiting for others and moving bytes, and what rounds of 1, 4, 16 and 64 steps therefore cost.",
      {"drift profile runs/20260131-120000-quickstart", "drift profile runs/a --layers",
       "drift profile runs/a --json > a.json", "drift profile --diff runs/a runs/b",
       "drift profile --diff runs/a-1,runs/a-2,runs/a-3 runs/b-1,runs/b-2,runs/b-3"});
  std::vector<std::string> runs;
  bool layers = false, kernels = false, json = false, diff = false;
  command_line.add_required_values("RUN", runs,
                                   "its directory; with --diff two, or twice several of the same: RUN,RUN,...");
  command_line.add_switch("--layers", layers, "forward and backward of each layer instead");
  command_line.add_switch("--kernels", kernels, "a GPU's kernels of each operation instead (--profile-kernels)");
  command_line.add_switch("--json", json, "everything, as JSON, in seconds");
  command_line.add_switch("--diff", diff, "what takes another time in the second run than in the first");
  if (!command_line.parse(argc, argv)) return 0;
  const std::size_t expected = diff ? 2 : 1;
  DRIFT_CHECK(kUsage, runs.size() == expected, "drift profile takes {}, and {} were given",
              diff ? "two runs with --diff" : "one run, or two with --diff", runs.size());
  DRIFT_CHECK(kUsage, diff + layers + kernels + json <= 1,
              "of --diff, --layers, --kernels and --json drift profile takes one");
  if (diff) {
    print("{}", difference_text(read_profiles(runs[0]), runs[0], read_profiles(runs[1]), runs[1]));
    return 0;
  }
  const Profile profile = read_profile(runs.front());
  if (json) {
    print("{}\n", ledger_json(profile).dump(2));
  } else {
    print("{}", kernels ? kernels_text(profile) : layers ? layers_text(profile) : ledger_text(profile, runs.front()));
  }
  return 0;
}

}  // namespace drift
