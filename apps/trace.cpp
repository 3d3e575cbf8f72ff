// drift trace: what --profile recorded of a run, as one file for Perfetto.
#include "analysis/ledger/trace.h"

#include <filesystem>
#include <fmt/format.h>
#include <string>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/atomic_file.h"
#include "core/check.h"
#include "core/checked_file.h"
#include "train/config/machine.h"

namespace drift {

int run_trace(int argc, char** argv) {
  CommandLine command_line(
      std::nullopt, "drift trace",
      "Writes what a run that was trained with --profile recorded as one file in Chrome's trace format, for "
      "ui.perfetto.dev or chrome://tracing: all workers of all processes, their steps, operations and averages, on one "
      "clock.",
      {"drift trace runs/20260131-120000-quickstart", "drift trace runs/a --steps 100:120 --out a.json"});
  std::string run, out, steps;
  command_line.add_required_value("RUN", "", &run, "its directory");
  command_line.add_value("--out", "FILE", &out, "the trace [trace.json in the run directory]");
  command_line.add_value("--steps", "A:B", &steps, "only steps A to B - 1");
  if (!command_line.parse(argc, argv)) return 0;
  Profile profile = read_profile(run);
  if (!steps.empty()) {
    const std::optional<StepRange> range = parse_step_range(steps);
    DRIFT_CHECK(kUsage, range, "--steps must be two steps, the first before the last, such as 100:120, and is '{}'",
                steps);
    std::erase_if(profile.steps, [&](const Profile::RecordedStep& step) {
      return step.of.step < range->first || step.of.step >= range->last;
    });
  }
  DRIFT_CHECK(kUsage, !profile.steps.empty(), "{} has recorded no step{} of all its workers", run,
              steps.empty() ? "" : " of " + steps);
  const std::filesystem::path path =
      out.empty() ? std::filesystem::path(run) / "trace.json" : std::filesystem::path(out);
  OutputFile file(aside(path));
  write_trace(profile, [&](std::string_view text) { file.write(text); });
  file.finish();
  publish(path);
  print("{}\n", path.string());
  return 0;
}

}  // namespace drift
