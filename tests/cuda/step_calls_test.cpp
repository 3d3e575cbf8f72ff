// What the step loop calls, counted by the emulator: a longer run of captured steps launches more graphs and nothing
// else, between two looks at the clock for a checkpoint. No allocation, no wait but the one for a result of some steps
// ago, no kernel launched by itself.
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

class StepCalls : public ::testing::Test {
 protected:
  // How often each API is called in a run of two workers: of local steps without averages, or of synchronous ones.
  std::map<std::string, int> count(int steps, const std::string& algorithm = "local --period 1000") {
    const std::string name = std::to_string(steps);
    const std::string counts = directory_ / ("counts" + name);
    const std::string command = DRIFT_PROGRAM
                                " train --device cuda:0 --workers 2 --model cifar-resnet8 --norm group --data "
                                "shapes:512:8 --local-batch 2 --algo " +
                                algorithm +
                                " --no-final-average --eval-every 0 --bn-stats local --checkpoint-minutes 0 --steps " +
                                name + " --out " + (directory_ / ("run" + name)).string();
    const Outcome outcome = run_emulated(command, "EMU_RACE=1 EMU_COUNT_CALLS=" + counts, directory_ / name);
    EXPECT_EQ(outcome.status, 0) << outcome.text;
    return calls_counted(counts);
  }

  TempDirectory directory_;
};

TEST_F(StepCalls, GrowByOneGraphThreeCopiesAndTwoStampsAStep) {
  constexpr int kSteps = 10, kWorkers = 2;
  const auto few = count(kSteps), many = count(2 * kSteps);
  // The batch (indices, labels, crops) and the rate go up together, between two stamps; the result and the stamps come
  // down. Each copy has an event.
  const std::map<std::string, int> a_step = {
      {"cudaGraphLaunch", 1}, {"cudaMemcpyAsync", 3}, {"cudaLaunchKernel", 2},       {"cudaGetLastError", -1},
      {"cudaEventRecord", 3}, {"cudaEventQuery", -1}, {"cudaStreamIsCapturing", -1}, {"cudaGetDevice", -1}};
  for (const auto& [api, number] : many) {
    const auto known = a_step.find(api);
    const int more = number - (few.contains(api) ? few.at(api) : 0);
    if (known == a_step.end()) {
      EXPECT_EQ(more, 0) << api << " is called in the step loop";
    } else if (known->second > 0) {
      EXPECT_EQ(more, known->second * kSteps * kWorkers) << api;
    }
  }
}

// Gradients, average and update of both workers.
TEST_F(StepCalls, OfSynchronousStepsLaunchOneGraphForAllWorkers) {
  constexpr int kSteps = 10;
  const auto few = count(kSteps, "sgd"), many = count(2 * kSteps, "sgd");
  EXPECT_EQ(many.at("cudaGraphLaunch") - few.at("cudaGraphLaunch"), kSteps);
  EXPECT_EQ(many.at("cudaStreamWaitEvent") - few.at("cudaStreamWaitEvent"), 2 * kSteps);  // there and back
  EXPECT_EQ(many.at("cudaLaunchKernel") - few.at("cudaLaunchKernel"), 2 * 2 * kSteps);    // the stamps of two uploads
  for (const char* api : {"cudaMalloc", "cudaGraphInstantiate"}) {
    EXPECT_EQ(many.at(api), few.at(api)) << api << " is called in the step loop";
  }
}

// A profiler records the work of these steps and no other.
TEST_F(StepCalls, OfACaptureRangeAreWithinIt) {
  constexpr int kSteps = 7, kFirst = 2, kLast = 5;
  const std::string command = fmt::format(
      DRIFT_PROGRAM
      " train --device cuda:0 --workers 2 --model cifar-resnet8 --norm group --data shapes:512:8 --local-batch 2 "
      "--algo local --period 1000 --no-final-average --eval-every 0 --bn-stats local --steps {} --capture-range {}:{} "
      "--out {}",
      kSteps, kFirst, kLast, (directory_ / "run").string());
  const Outcome outcome = run_emulated(command, "EMU_TRACE=1", directory_ / "traced");
  ASSERT_EQ(outcome.status, 0) << outcome.text;
  const auto stamps = [](std::string_view text) {
    int count = 0;
    for (std::size_t at = 0; (at = text.find("WriteStamp", at)) != std::string_view::npos; ++at) ++count;
    return count;
  };
  const std::size_t starts = outcome.text.find("the profiler starts"), stops = outcome.text.find("the profiler stops");
  ASSERT_LT(starts, stops) << outcome.text;
  ASSERT_NE(stops, std::string::npos) << outcome.text;
  const std::string_view text = outcome.text;
  const int all = stamps(text);
  EXPECT_EQ(all % kSteps, 0);
  EXPECT_EQ(stamps(text.substr(0, starts)), all / kSteps * kFirst);
  EXPECT_EQ(stamps(text.substr(stops)), all / kSteps * (kSteps - kLast));
}

TEST_F(StepCalls, ACaptureRangeBeyondTheRunIsRefused) {
  const std::string command =
      DRIFT_PROGRAM
      " train --device cuda:0 --model cifar-resnet8 --data shapes:512:8 --local-batch 2 --steps 7 --capture-range 7:9 "
      "--out " +
      (directory_ / "run").string();
  const Outcome outcome = run_emulated(command, "", directory_ / "refused");
  EXPECT_EQ(outcome.status, 3) << outcome.text;
  EXPECT_NE(outcome.text.find("begins at step 7, and the run has 7 steps"), std::string::npos) << outcome.text;
}

// Images that do not lie on the device as a whole travel while the step before theirs computes.
TEST_F(StepCalls, CopyImagesOnAStreamOfTheirOwn) {
  constexpr int kSteps = 6;
  const std::string command =
      DRIFT_PROGRAM
      " train --device cuda:0 --model cifar-resnet8 --norm group --data shapes:512:8 --augment resized-crop-flip "
      "--local-batch 2 --no-final-average --eval-every 0 --bn-stats local --steps " +
      std::to_string(kSteps) + " --out " + (directory_ / "run").string();
  const Outcome outcome = run_emulated(command, "EMU_RACE=1 EMU_TRACE=1", directory_ / "traced");
  ASSERT_EQ(outcome.status, 0) << outcome.text;

  std::map<std::string, int> copies;  // by stream
  std::set<std::string> computing;
  std::istringstream lines(outcome.text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find("stream "), end = line.find(": ", begin);
    if (begin == std::string::npos || end == std::string::npos) continue;
    const std::string stream = line.substr(begin, end - begin), work = line.substr(end + 2);
    const std::string images = std::to_string(2 * 32 * 32 * 3) + " bytes";
    if (work == "memcpy from host to device, " + images) ++copies[stream];
    if (work == "memcpy from device to device, " + images) computing.insert(stream);
  }
  ASSERT_EQ(copies.size(), 1u) << outcome.text;
  EXPECT_EQ(copies.begin()->second, kSteps);
  ASSERT_EQ(computing.size(), 1u);
  EXPECT_FALSE(computing.contains(copies.begin()->first));
}

}  // namespace
}  // namespace drift::testing
