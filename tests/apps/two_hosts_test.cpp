// Two hosts with a network between them (two_hosts.sh): the processes find each other by address, and when the network
// is gone both end.
#include <filesystem>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr int kNoSuchNetwork = 77;

Arguments run_of(const std::string& steps) {
  return {"--model", "cifar-resnet8", "--data",     "shapes:160:24", "--workers", "4",          "--local-batch",
          "4",       "--algo",        "local",      "--period",      "3",         "--momentum", "0.9",
          "--steps", steps,           "--bn-stats", "reestimate:5",  "--threads", "1",          "--comm-timeout",
          "3"};
}

Outcome run_on_two_hosts(int cut_at, const fs::path& run, const Arguments& arguments) {
  Arguments words = {"unshare", "-rn", DRIFT_TWO_HOSTS, std::to_string(cut_at), DRIFT_BINARY, run.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run_program(words);
}

TEST(TwoHosts, GiveTheBitsOfOne) {
  const TempDirectory directory;
  const Outcome outcome = run_on_two_hosts(0, directory / "two", run_of("20"));
  if (outcome.exit_code == kNoSuchNetwork) GTEST_SKIP() << "no network namespaces here: " << outcome.err;
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  Arguments alone = run_of("20");
  alone.insert(alone.begin(), "train");
  alone.insert(alone.end(), {"--out", (directory / "one").string()});
  ASSERT_EQ(run_drift(alone).exit_code, 0);
  expect_same_run(directory / "one", directory / "two", 20);
}

TEST(TwoHosts, WhereOneDisappearsTheOtherEndsAndNamesIt) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  Arguments long_run = run_of("100000");
  long_run.insert(long_run.end(), {"--checkpoint-every", "2", "--eval-every", "0"});
  const Outcome outcome = run_on_two_hosts(30, run, long_run);
  if (outcome.exit_code == kNoSuchNetwork) GTEST_SKIP() << "no network namespaces here: " << outcome.err;
  EXPECT_NE(outcome.err.find("the cable is cut\n"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("both processes have ended\n"), std::string::npos) << outcome.err;
  const Json summary = Json::parse(bytes_of(run / "summary.json"));
  EXPECT_EQ(summary.at("status"), "failed");
  EXPECT_NE(summary.at("message").get<std::string>().find("process 1"), std::string::npos) << summary;
  EXPECT_TRUE(fs::exists(run / "ckpt/step-20/meta.json"));
}

}  // namespace
}  // namespace drift::testing
