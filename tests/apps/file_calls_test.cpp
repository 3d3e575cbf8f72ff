// Each call that has to do with the files of a run fails once, does half of its work, or is the last before the program
// is killed; in a run that begins, and in one that goes on. It ends with a documented code and says which file it was,
// or goes on; and what is left goes on to the bits of a run that nobody disturbed. Trials are a part of all there are,
// another one with each seed (DRIFT_TEST_SEED replays); DRIFT_CAMPAIGN_CASES asks for a larger one.
#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "tests/apps/file_record.h"
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

struct Kind {
  const char* name;
  std::vector<const char*> what;
  std::size_t cases;  // that the tests run
};
// ENOSPC, EIO and EACCES.
const std::array<Kind, 2> kKinds = {
    {{"Fails", {"fail:28", "fail:5", "fail:13", "half"}, 40}, {"IsTheLast", {"kill", "tear"}, 24}}};

struct Trial {
  bool resumes = false;
  int nth = 0;
  const char* what = "";
  bool always = false;
};

class FileCalls : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    DRIFT_NEEDS_FAULTS();
    ASSERT_EQ(run_drift(begin(whole_)).exit_code, 0);
    const Outcome stopped = run_with_fault("alone append 7 signal:15", begin(stopped_));
    ASSERT_EQ(stopped.exit_code, 75) << stopped.err;
  }

  static Arguments begin(const fs::path& run) {
    return train_into(run, {"--steps-per-epoch", "4", "--checkpoint-every", "1", "--keep-checkpoints", "1"});
  }
  // A run to be begun, or one to be gone on with. Returns how.
  Arguments prepare(bool resumes, const fs::path& run) const {
    if (!resumes) return begin(run);
    fs::copy(stopped_, run, fs::copy_options::recursive);
    return {"train", "--resume", run.string()};
  }
  Outcome run_with(const std::string& fault, const Arguments& arguments, const fs::path& record = {}) const {
    ScopedVariables::Values more = {{"DRIFT_FAULT_FILES", directory_.path().string()}};
    if (!record.empty()) more["DRIFT_FAULT_RECORD"] = record.string();
    const FaultVariables variables(fault, more);
    return run_drift(arguments);
  }
  std::vector<FileCall> calls(bool resumes) const {
    const fs::path run = directory_ / fmt::format("counted-{}", resumes), record = directory_ / "record";
    fs::remove(record);
    const Outcome outcome = run_with("nobody", prepare(resumes, run), record);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_same_run(whole_, run, 12);
    return read_file_record(record);
  }
  // All there are, in an order of the seed's; first those of which one was not reported once, and took all records of
  // a run with it.
  std::vector<Trial> trials() const {
    std::vector<Trial> all;
    for (const bool resumes : {false, true}) {
      int nth = 0;
      for (const FileCall& call : calls(resumes)) {
        ++nth;
        const bool always = call.call == "fstat" && call.path.ends_with("metrics.jsonl");
        for (const char* what : GetParam().what) all.push_back({resumes, nth, what, always});
      }
    }
    std::ranges::shuffle(all, std::mt19937_64(seed()));
    std::ranges::stable_partition(all, &Trial::always);
    return all;
  }

  void expect_documented(const Outcome& outcome) const {
    if (std::string_view(GetParam().name) == "IsTheLast") {
      EXPECT_EQ(outcome.exit_code, 128 + SIGKILL) << outcome.err;
      return;
    }
    const std::set<int> documented = {2, 4, 8, 74};
    EXPECT_TRUE(documented.contains(outcome.exit_code)) << outcome.exit_code << ": " << outcome.err;
    const std::size_t said = outcome.err.find("drift: ");
    ASSERT_NE(said, std::string::npos) << "nobody says why: " << outcome.err;
    EXPECT_NE(outcome.err.find(directory_.path().string(), said), std::string::npos) << "which file? " << outcome.err;
  }

  TempDirectory directory_;
  const fs::path whole_ = directory_ / "whole", stopped_ = directory_ / "stopped";
};

TEST_P(FileCalls, AndTheRunGoesOnWithTheSameBits) {
  const std::vector<Trial> all = trials();
  const std::size_t cases = std::min(all.size(), campaign_cases(GetParam().cases));
  std::map<int, int> endings;
  for (std::size_t number = 0; number < cases; ++number) {
    const Trial& trial = all[number];
    const std::string fault = fmt::format("alone file {} {}", trial.nth, trial.what);
    SCOPED_TRACE(fmt::format("seed={} trial {}: DRIFT_FAULT='{}' in a run that {}", seed(), number, fault,
                             trial.resumes ? "goes on" : "begins"));
    const fs::path run = directory_ / fmt::format("run-{}", number);
    const Outcome outcome = run_with(fault, prepare(trial.resumes, run));
    ++endings[outcome.exit_code];
    if (outcome.exit_code != 0) {
      expect_documented(outcome);
      const Outcome after = run_drift(has_checkpoint(run) ? Arguments{"train", "--resume", run.string()} : begin(run));
      EXPECT_EQ(after.exit_code, 0) << outcome.err << "\nthen: " << after.err;
    }
    expect_same_run(whole_, run, 12);
    if (HasFailure()) {
      std::cout << outcome.err;
      return;
    }
    fs::remove_all(run);
  }
  for (const auto& [code, count] : endings) std::cout << fmt::format("exit code {}: {} times\n", code, count);
  std::cout << fmt::format("{} of {} trials\n", cases, all.size());
}

INSTANTIATE_TEST_SUITE_P(Each, FileCalls, ::testing::ValuesIn(kKinds),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace drift::testing
