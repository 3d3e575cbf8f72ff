// One process of a team gets no more threads: the job ends as one, with the code of a full device and the name of that
// process, and nobody waits for what never comes.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/apps/program.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

using Arguments = std::vector<std::string>;

Arguments run_of(const Arguments& more) {
  Arguments arguments = {"train",          "-q", "--model",    "cifar-resnet8", "--data",    "shapes:64:8",
                         "--workers",      "8",  "--algo",     "local",         "--period",  "2",
                         "--steps",        "4",  "--bn-stats", "local",         "--threads", "1",
                         "--comm-timeout", "60"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return launched(2, arguments);
}

TEST(TeamShortage, OfThreadsInOneProcessEndsAll) {
  const TempDirectory directory;
  int refused = 0;
  for (int most = 6; most <= 9; ++most) {  // MPI and the channel of the team take some, the four workers four
    const ScopedVariables variables({{"DRIFT_THREADS_MAX", std::to_string(most)},
                                     {"DRIFT_THREADS_OF", "1"},
                                     {"LD_PRELOAD", DRIFT_THREADS_LIBRARY}});
    const Outcome outcome = run_drift_within({.directory = directory.path()},
                                             run_of({"--local-batch", "4", "--out", fmt::format("run-{}", most)}));
    EXPECT_TRUE(outcome.exit_code == 5 || outcome.exit_code == 0) << most << ": " << outcome.err;
    if (outcome.exit_code == 0) continue;
    ++refused;
    EXPECT_NE(outcome.err.find("process 1: no thread for"), std::string::npos) << outcome.err;
  }
  EXPECT_GE(refused, 1);
}

}  // namespace
}  // namespace drift::testing
