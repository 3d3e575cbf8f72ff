// The power fails in a run that begins and in one that goes on. What the disk may then hold, the worst of it included,
// goes on with the bits of a run that nobody disturbed, and with a record of each step. Moments and disks are a
// function of the seed (DRIFT_TEST_SEED replays); DRIFT_CAMPAIGN_CASES asks for more of them.
#include "tests/apps/power_loss.h"

#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>
#include <random>
#include <span>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

class PowerLoss : public ::testing::Test {
 protected:
  void SetUp() override { DRIFT_NEEDS_FAULTS(); }

  static Arguments begin(const fs::path& run) {
    return train_into(run, {"--steps-per-epoch", "4", "--checkpoint-every", "0.5", "--keep-checkpoints", "2"});
  }
  // Adds to what is recorded of `disk_`.
  Outcome recorded(const std::string& fault, const Arguments& arguments) const {
    const FaultVariables variables(fault, {{"DRIFT_FAULT_FILES", (directory_ / "disk").string()},
                                           {"DRIFT_FAULT_RECORD", (directory_ / "record").string()}});
    return run_drift(arguments);
  }

  TempDirectory directory_;
};

// Whether a checkpoint was in its place, and that was waited for.
bool has_durable_checkpoint(std::span<const FileCall> calls) {
  bool published = false;
  for (const FileCall& call : calls) {
    published |= call.call == "rename" && call.other.starts_with("run/ckpt/step-");
    if (published && call.call == "fsync" && call.path == "run/ckpt") return true;
  }
  return false;
}

TEST_F(PowerLoss, TakesNothingThatARunNeedsToGoOn) {
  const fs::path run = directory_ / "disk/run";
  fs::create_directory(directory_ / "disk");
  // Stopped first: what goes on replaces a checkpoint and cuts records.
  ASSERT_EQ(recorded("alone append 7 signal:15", begin(run)).exit_code, 75);
  const Outcome whole = recorded("nobody", {"train", "--resume", run.string()});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const std::vector<FileCall> calls = read_file_record(directory_ / "record");
  // What is found takes its place: the configuration has that in it.
  fs::rename(directory_ / "disk", directory_ / "whole");

  const std::size_t cases = campaign_cases(30);
  int resumed = 0;
  for (std::size_t number = 0; number < cases; ++number) {
    std::mt19937_64 random(seed() * 1000 + number);
    const std::size_t done = random() % (calls.size() + 1);
    SCOPED_TRACE(
        fmt::format("seed={} case {}: the power fails behind call {} of {}", seed(), number, done, calls.size()));
    Disk disk;
    for (const FileCall& call : std::span(calls).first(done)) disk.take(call);
    disk.fail(random, directory_ / "disk");
    const bool resumes = has_checkpoint(run);
    ASSERT_TRUE(resumes || !has_durable_checkpoint(std::span(calls).first(done))) << "a checkpoint is lost";
    resumed += resumes ? 1 : 0;
    const Outcome after = run_drift(resumes ? Arguments{"train", "--resume", run.string()} : begin(run));
    ASSERT_EQ(after.exit_code, 0) << after.err;
    EXPECT_EQ(after.err.find("has no records of"), std::string::npos) << after.err;
    expect_same_run(directory_ / "whole/run", run, 12);
    if (HasFailure()) return;
    fs::remove_all(directory_ / "disk");
  }
  std::cout << fmt::format("{} of {} had a checkpoint\n", resumed, cases);
}

}  // namespace
}  // namespace drift::testing
