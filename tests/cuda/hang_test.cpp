// A kernel that never ends, planted by the emulator: whatever the run is doing, it ends after --device-timeout with an
// error that says where it was, and hangs in nothing that it releases.
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

constexpr int kDeviceError = 5;  // exit code, core/error.h
constexpr int kFirstLaunch = 1;

class Hangs : public ::testing::Test {
 protected:
  Outcome train(const std::string& environment) {
    ++runs_;
    return run_emulated(
        DRIFT_PROGRAM
            " train --workers 2 --model cifar-resnet8 --norm group --data shapes:16:8 --local-batch 2 "
            "--algo local --period 2 --steps 4 --bn-stats local --device cuda:0 --device-timeout 3 --out " +
            run_directory().string(),
        environment, directory_ / "output");
  }
  std::filesystem::path run_directory() const { return directory_ / std::to_string(runs_); }

  // The number of the launches of one run.
  int launches() {
    const std::string counts = directory_ / "counts";
    EXPECT_EQ(train("EMU_COUNT_CALLS=" + counts).status, 0);
    return calls_counted(counts).at("cudaLaunchKernel");
  }

  // The one error of a run whose n-th kernel never ends.
  std::string error_of(int launch) {
    const Outcome outcome = train("EMU_HANG=" + std::to_string(launch));
    EXPECT_EQ(outcome.status, kDeviceError) << outcome.text;
    const std::size_t begin = outcome.text.find("drift: ");
    EXPECT_NE(begin, std::string::npos) << outcome.text;
    EXPECT_EQ(outcome.text.find("drift: ", begin + 1), std::string::npos) << outcome.text;
    EXPECT_EQ(outcome.text.find("[emulator] ERROR"), std::string::npos) << outcome.text;
    return begin == std::string::npos ? "" : outcome.text.substr(begin);
  }

  TempDirectory directory_;
  int runs_ = 0;
};

TEST_F(Hangs, EndARunWhileItIsSetUp) {
  const std::string error = error_of(kFirstLaunch);
  EXPECT_NE(error.find("cuda:0 has not gone on for 3 s: a kernel does not end"), std::string::npos) << error;
  EXPECT_NE(error.find("--device-timeout"), std::string::npos) << error;
}

// The last kernels that are launched one by one are those of the evaluation; of a captured step most are in the middle.
TEST_F(Hangs, EndARunInAStepWithItsPlace) {
  const int all = launches();
  ASSERT_GT(all, 100);
  const std::string error = error_of(all / 2);
  EXPECT_NE(error.find(" of worker "), std::string::npos) << error;
  EXPECT_NE(error.find(", enqueued last: "), std::string::npos) << error;
  std::ifstream file(run_directory() / "summary.json");
  const auto summary = nlohmann::json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  EXPECT_EQ(summary.at("status"), "failed");
  EXPECT_NE(error.find(summary.at("message").get<std::string>()), std::string::npos) << summary;
}

TEST_F(Hangs, EndAnEvaluation) {
  EXPECT_NE(error_of(launches()).find("cuda:0 has not gone on for 3 s"), std::string::npos);
}

}  // namespace
}  // namespace drift::testing
