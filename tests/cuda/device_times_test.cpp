// What a run says of times on the device, on the emulator's virtual clock, which goes on by work alone: a time with the
// host's in it would differ from what is expected here.
#include <array>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

using Json = nlohmann::json;

constexpr double kShortestKernel = 2;  // microseconds, of the virtual clock
constexpr int kWorkers = 2, kSteps = 12, kPeriod = 4;

class DeviceTimes : public ::testing::Test {
 protected:
  Outcome train(const std::string& options) {
    const std::string run = directory_ / ("run" + std::to_string(runs_++));
    const std::string command =
        DRIFT_PROGRAM
        " train --device cuda:0 --workers 2 --model cifar-resnet8 --norm group --data "
        "shapes:512:8 --local-batch 2 --eval-every 0 --bn-stats local --no-final-average --steps " +
        std::to_string(kSteps) + " --out " + run + " " + options;
    const Outcome outcome = run_emulated(command, "EMU_RACE=0", directory_ / "emulated");
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    std::ifstream records(run + "/metrics.jsonl");
    steps_.clear();
    for (std::string line; std::getline(records, line);) {
      Json record = Json::parse(line);
      if (record.at("kind") == "step") steps_.push_back(std::move(record));
    }
    EXPECT_EQ(steps_.size(), kSteps);
    return outcome;
  }
  double microseconds(int step, const char* field) const {
    return 1e6 * steps_.at(static_cast<std::size_t>(step)).at(field).get<double>();
  }

  std::vector<Json> steps_;  // of the run before

 private:
  TempDirectory directory_;
  int runs_ = 0;
};

// Each of these is one kernel, or copy, of few bytes.
TEST_F(DeviceTimes, OfOperationsAreThoseOfTheDeviceAlone) {
  const Outcome run = train("--algo local --period 4 --no-graphs --op-times");
  std::istringstream lines(run.out);
  std::map<std::string, std::array<double, 3>> rows;  // calls, timed, microseconds each
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    std::array<double, 3> numbers{};
    if (words >> kind >> numbers[0] >> numbers[1] >> numbers[2]) rows[kind] = numbers;
  }
  for (const char* const kind : {"augment", "copy", "shortcut_forward", "stamp"}) {
    ASSERT_TRUE(rows.contains(kind)) << kind << "\n" << run.out;
    const auto [calls, timed, each] = rows.at(kind);
    EXPECT_GE(calls, kSteps * kWorkers) << kind;
    EXPECT_EQ(timed, calls) << kind;
    EXPECT_NEAR(each, kShortestKernel, 0.001) << kind;
  }
  EXPECT_NEAR(rows.at("download_async")[2], 5, 0.01);  // the latency of a copy to the host
}

TEST_F(DeviceTimes, OfAStepAreThoseOfTheDevice) {
  for (const std::string algorithm : {"local --period 4", "sgd"}) {
    SCOPED_TRACE(algorithm);
    train("--no-graphs --algo " + algorithm);
    const double enqueued_one_by_one = microseconds(kSteps - 1, "t_fwd");
    train("--algo " + algorithm);
    // The first is eager; then each replay does the same work.
    constexpr int kCaptured = 1;
    for (const char* const phase : {"t_fwd", "t_bwd", "t_opt"}) {
      for (int step = kCaptured; step < kSteps; ++step) {
        EXPECT_NEAR(microseconds(step, phase), microseconds(kCaptured, phase), 0.01) << phase << " of step " << step;
      }
    }
    EXPECT_GT(microseconds(kCaptured, "t_bwd"), microseconds(kCaptured, "t_fwd"));
    EXPECT_LT(microseconds(kCaptured, "t_fwd"), enqueued_one_by_one) << "nothing of the host is in it";
    for (int step = kCaptured; step < kSteps; ++step) {
      const bool averages = algorithm == "sgd" || step % kPeriod == kPeriod - 1;
      EXPECT_EQ(microseconds(step, "t_comm") > 0, averages) << "step " << step;
      EXPECT_GT(microseconds(step, "t_upload"), 5) << "a copy from the host";
      EXPECT_GT(microseconds(step, "t_enqueue"), 0);
    }
  }
}

}  // namespace
}  // namespace drift::testing
