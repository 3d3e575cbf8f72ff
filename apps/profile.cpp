// drift profile: where the time of a run's steps goes, from what --profile recorded.
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "analysis/ledger/difference.h"
#include "analysis/ledger/ledger_text.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"

namespace drift {

int run_profile(int argc, char** argv) {
  CommandLine command_line(
      std::nullopt, "drift profile",
      "Says where the time of steps goes, of a run that was trained with --profile: local, synchronous and last steps "
      "of rounds beside each other, each kind of operation beside what it takes at least on that machine, averages "
      "divided into waiting for others and moving bytes, and what rounds of 1, 4, 16 and 64 steps therefore cost.",
      {"drift profile runs/20260131-120000-quickstart", "drift profile runs/a --layers",
       "drift profile runs/a --json > a.json", "drift profile --diff runs/a runs/b"});
  std::vector<std::string> runs;
  bool layers = false, json = false, diff = false;
  command_line.add_required_values("RUN", runs, "its directory; with --diff two of them");
  command_line.add_switch("--layers", layers, "forward and backward of each layer instead");
  command_line.add_switch("--json", json, "everything, as JSON, in seconds");
  command_line.add_switch("--diff", diff, "what takes another time in the second run than in the first");
  if (!command_line.parse(argc, argv)) return 0;
  const std::size_t expected = diff ? 2 : 1;
  DRIFT_CHECK(kUsage, runs.size() == expected, "drift profile takes {}, and {} were given",
              diff ? "two runs with --diff" : "one run, or two with --diff", runs.size());
  DRIFT_CHECK(kUsage, diff + layers + json <= 1, "of --diff, --layers and --json drift profile takes one");
  const Profile profile = read_profile(runs.front());
  if (diff) {
    print("{}", difference_text(profile, runs[0], read_profile(runs[1]), runs[1]));
    return 0;
  }
  if (json) {
    print("{}\n", ledger_json(profile).dump(2));
  } else {
    print("{}", layers ? layers_text(profile) : ledger_text(profile, runs.front()));
  }
  return 0;
}

}  // namespace drift
