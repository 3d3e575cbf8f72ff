// Runs that get less memory than they ask for, from outside. They end with the code of a full device, whatever was
// under way when it ran out, and never because saying so took memory too.
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "core/text.h"
#include "tests/apps/program.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

using Arguments = std::vector<std::string>;

constexpr rlim_t kMegabyte = 1 << 20;

// That the program takes before it begins: the libraries of a GPU alone are hundreds of megabytes.
rlim_t addresses_to_start() {
  rlim_t too_few = 0, enough = 1 << 15;  // megabytes
  while (enough - too_few > 4) {
    const rlim_t middle = (too_few + enough) / 2;
    const Outcome outcome = run_drift_within({.address_space = middle * kMegabyte}, {"--version"});
    (outcome.exit_code == 0 ? enough : too_few) = middle;
  }
  return enough * kMegabyte;
}

class OutOfMemoryRuns : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!can_limit_addresses()) GTEST_SKIP() << "sanitizers need all addresses there are";
  }
  // With so many bytes of addresses beside those to start.
  Outcome run(rlim_t bytes, const Arguments& more) const {
    Arguments all = {"train",   "-q", "--data",     "shapes:16:8",      "--bn-stats",        "average",
                     "--steps", "1",  "--sampling", "with-replacement", "--steps-per-epoch", "4"};
    all.insert(all.end(), more.begin(), more.end());
    return run_drift_within({.cpu_seconds = 20, .address_space = start_ + bytes, .directory = directory_.path()}, all);
  }

  TempDirectory directory_;
  const rlim_t start_ = can_limit_addresses() ? addresses_to_start() : 0;
};

std::int64_t number_behind(const std::string& text, const std::string& part) {
  const std::size_t begin = text.find(part);
  if (begin == std::string::npos) return -1;
  const std::string rest = text.substr(begin + part.size());
  return parse_integer(rest.substr(0, rest.find_first_not_of("0123456789"))).value_or(-1);
}

// The advice holds under the limit that it was given under: what it names fits, and is less than what failed.
TEST_F(OutOfMemoryRuns, TheBatchThatIsNamedFits) {
  const Arguments model = {"--model", "cifar-resnet8", "--threads", "1"};
  const rlim_t limit = 1000 * kMegabyte;
  Arguments asked = model;
  asked.insert(asked.end(), {"--local-batch", "2000"});
  const Outcome full = run(limit, asked);
  ASSERT_EQ(full.exit_code, 5) << full.err;
  const std::int64_t batch = number_behind(full.err, "A --local-batch of ");
  ASSERT_GT(batch, 0) << full.err;
  ASSERT_LT(batch, 2000) << full.err;
  const std::int64_t free = number_behind(full.err, "are held, ");
  EXPECT_LT(free, static_cast<std::int64_t>(start_ + limit)) << full.err;
  Arguments advised = model;
  advised.insert(advised.end(), {"--local-batch", std::to_string(batch * 9 / 10)});  // the rest of a run takes some too
  const Outcome fits = run(limit, advised);
  EXPECT_EQ(fits.exit_code, 0) << batch << ": " << fits.err;
}

// Each limit catches the run elsewhere: loading, drawing data, replicas, threads, the first step, the evaluation.
TEST_F(OutOfMemoryRuns, EndWithOneCodeWhereverItRunsOut) {
  std::mt19937_64 random(seed());
  int failed = 0, finished = 0;
  for (int i = 0; i < 24; ++i) {
    const rlim_t limit = (8 + random() % 900) * kMegabyte;  // where a program begins moves by a few
    const std::string threads = std::to_string(1 + random() % 2), loaders = std::to_string(random() % 2);
    const Outcome outcome =
        run(limit, {"--model", "cifar-resnet8", "--local-batch", "100", "--workers", "4", "--threads", threads,
                    "--loader-threads", loaders, "--algo", "local", "--period", "1"});
    EXPECT_TRUE(outcome.exit_code == 0 || outcome.exit_code == 5)
        << fmt::format("seed={}, {} MB, {} threads, {} loader threads: {} ", seed(), limit / kMegabyte, threads,
                       loaders, outcome.exit_code)
        << outcome.err;
    EXPECT_EQ(outcome.err.find("drift: ") != std::string::npos, outcome.exit_code == 5) << outcome.err;
    failed += outcome.exit_code == 5 ? 1 : 0;
    finished += outcome.exit_code == 0 ? 1 : 0;
  }
  EXPECT_GE(failed, 5);
  EXPECT_GE(finished, 1);
}

TEST_F(OutOfMemoryRuns, TooManyWorkersAreRefusedBeforeTheyAreMade) {
  const Outcome outcome =
      run(2000 * kMegabyte, {"--model", "resnet20", "--threads", "1", "--local-batch", "1", "--workers", "60000"});
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_NE(outcome.err.find("59999 more replicas"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace drift::testing
