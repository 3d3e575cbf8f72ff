// Whatever becomes of descriptors 0 to 2, a program ends with its documented exit code, results that got lost are an
// error, and nothing foreign gets into the files of a run.
#include "tests/apps/standard_streams.h"

#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <optional>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/run_with_fault.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/file_damage.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;

constexpr int kOutputLost = 74;

// How a program can end.
struct Ending {
  const char* name;
  int exit_code;
  Arguments arguments;
  bool has_results = false;
  const char* fault = nullptr;
  ScopedVariables::Values variables = {};
};

std::vector<Ending> endings(const fs::path& run, const fs::path& nowhere) {
  return {
      {"described", 0, {"describe", "resnet20"}, true},
      {"helped", 0, {"train", "--help"}, true},
      {"trained", 0, train_into(run), true},
      {"bug", 1, train_into(run), false, "alone append 3 exception"},
      {"usage", 2, {"train", "--peroid", "4"}},
      {"config", 3, {"train", "--print-config", "--model", "vgg61"}},
      {"data", 4, {"train", "--data", "cifar10:" + nowhere.string()}},
      {"device", 5, {"train", "--device", "cuda:99"}},
      {"communication",
       6,
       train_into(run, {"--comm-timeout", "1"}),
       false,
       nullptr,
       {{"RANK", "1"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "1"}}},
      {"diverged", 7, train_into(run, {"--lr", "1e30"})},
      {"checkpoint", 8, {"train", "--resume", nowhere.string()}},
      {"picture lost", kOutputLost, {"data", "preview", "--out", "/dev/full"}},
      {"records lost", kOutputLost, train_into(run), false, "alone append 3 fail"},
      {"stopped", 75, train_into(run, {}, {.steps = "400"}), false, "alone clock_gettime 300 signal:15"},
  };
}

class StandardStreams : public ::testing::TestWithParam<StreamState> {};

TEST_P(StandardStreams, NeitherChangeTheExitCodeNorGetIntoFiles) {
  DRIFT_NEEDS_FAULTS();
  const TempDirectory directory;
  for (const Ending& ending : endings(directory / "run", directory / "nowhere")) {
    SCOPED_TRACE(ending.name);
    fs::remove_all(directory / "run");
    const ScopedVariables variables(ending.variables);
    std::optional<FaultVariables> fault;
    if (ending.fault != nullptr) fault.emplace(ending.fault);
    const Outcome outcome = run_drift(ending.arguments, [] { bring_about(GetParam()); });
    const bool loses = ending.has_results && GetParam().stream == STDOUT_FILENO;
    EXPECT_EQ(outcome.exit_code, loses ? kOutputLost : ending.exit_code) << outcome.err;
    if (GetParam().stream != STDERR_FILENO && outcome.exit_code != 0) {
      EXPECT_NE(outcome.err.find(outcome.exit_code == 75 ? "stopped by a signal after step" : "drift: "),
                std::string::npos)
          << "nobody says why: " << outcome.err;
    }
    if (fs::exists(directory / "run")) expect_clean_files(directory / "run", ending.arguments);
  }
}

INSTANTIATE_TEST_SUITE_P(Matrix, StandardStreams, stream_states(), stream_state_name);

// A limit of the system is an error like a full disk: it kills nobody.
TEST(FileSizeLimit, IsAnErrorThatNamesTheFile) {
  const TempDirectory directory;
  const fs::path run = directory / "run";
  const Outcome outcome = run_drift(train_into(run), [] {
    const rlimit limit{20'000, 20'000};
    setrlimit(RLIMIT_FSIZE, &limit);
  });
  EXPECT_EQ(outcome.exit_code, kOutputLost) << outcome.err;
  EXPECT_NE(outcome.err.find("File too large"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find((run / "ckpt").string()), std::string::npos) << outcome.err;
  expect_clean_files(run, train_into(run));
}

}  // namespace
}  // namespace drift::testing
