// A run to which the system once does not give memory, at each of the larger allocations: arenas, batches, buffers of
// files. It ends with the code of a full device, or does without. Small ones are left out: oneDNN makes many, and does
// not look what it got. Trials are a part of all there are, another one with each seed (DRIFT_TEST_SEED replays).
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>
#include <numeric>
#include <random>

#include "core/text.h"
#include "tests/apps/program.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/file_damage.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kBytes = 20'000;

Outcome run_without(int nth, const fs::path& run, const fs::path& count = {}) {
  const ScopedVariables variables({{"DRIFT_ALLOCATION", fmt::format("{} {}", nth, kBytes)},
                                   {"DRIFT_ALLOCATIONS", count.string()},
                                   {"LD_PRELOAD", DRIFT_ALLOCATIONS_LIBRARY}});
  return run_drift_within({}, train_into(run, {"--checkpoint-every", "0.5"}, {.steps = "4"}));
}

TEST(Allocations, ThatFailOnceEndARunWithTheCodeOfAFullDevice) {
  if (!can_limit_addresses()) GTEST_SKIP() << "sanitizers have allocators of their own";
  const TempDirectory directory;
  ASSERT_EQ(run_without(0, directory / "whole", directory / "count").exit_code, 0);
  std::vector<int> all(static_cast<std::size_t>(parse_integer(file_text(directory / "count")).value_or(0)));
  std::iota(all.begin(), all.end(), 1);
  std::ranges::shuffle(all, std::mt19937_64(seed()));
  all.resize(std::min(all.size(), campaign_cases(30)));
  int ended = 0;
  for (const int nth : all) {
    const Outcome outcome = run_without(nth, directory / fmt::format("run-{}", nth));
    ended += outcome.exit_code == 5 ? 1 : 0;
    EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 5)
        << fmt::format("seed={}, DRIFT_ALLOCATION='{} {}': {}\n", seed(), nth, kBytes, outcome.exit_code)
        << outcome.err;
    EXPECT_EQ(outcome.err.find("drift: ") != std::string::npos, outcome.exit_code == 5) << outcome.err;
  }
  std::cout << fmt::format("{} trials, {} of them ended the run\n", all.size(), ended);
  EXPECT_GT(ended, 0) << "failures must be felt";
}

}  // namespace
}  // namespace drift::testing
