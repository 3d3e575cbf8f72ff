// drift profile: where the time of a run's steps goes, from what --profile recorded.
#include <filesystem>
#include <fmt/format.h>
#include <string>

#include "analysis/ledger/ledger_text.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"

namespace drift {

int run_profile(int argc, char** argv) {
  CommandLine command_line(
      std::nullopt, "drift profile",
      "Says where the time of steps goes, of a run that was trained with --profile: local, synchronous and last steps "
      "of "
      "rounds beside each other, each kind of operation beside what it takes at least on that machine, averages "
      "divided "
      "into waiting for others and moving bytes, and what rounds of 1, 4, 16 and 64 steps therefore cost.",
      {"drift profile runs/20260131-120000-quickstart", "drift profile runs/a --layers",
       "drift profile runs/a --json > a.json"});
  std::string run;
  bool layers = false, json = false;
  command_line.add_required_value("RUN", "", &run, "its directory");
  command_line.add_switch("--layers", layers, "forward and backward of each layer instead");
  command_line.add_switch("--json", json, "everything, as JSON, in seconds");
  if (!command_line.parse(argc, argv)) return 0;
  const Profile profile = read_profile(run);
  if (json) {
    print("{}\n", ledger_json(profile).dump(2));
  } else {
    print("{}", layers ? layers_text(profile) : ledger_text(profile, run));
  }
  return 0;
}

}  // namespace drift
