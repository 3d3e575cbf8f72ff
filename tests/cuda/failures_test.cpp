// Every CUDA, cuDNN and cuBLASLt call that a training run makes is made to fail once: the run ends with one clear line,
// releases everything and hangs nowhere. Which calls there are is counted, not listed; listed is only what a failure
// may do no harm to, and why. A real run in a real process, on the second of two emulated devices, so that switching
// devices is among the calls.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <vector>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

constexpr int kDeviceError = 5, kConfigError = 3;  // exit codes, core/error.h

// Synchronous steps, then local ones and an average, so that each of them runs once as it is and once captured.
const std::string kTrain = DRIFT_PROGRAM
    " train --device cuda:1 --workers 2 --model resnet8 --data shapes:16:8 --local-batch 2 --algo "
    "post-local --switch-step 2 --period 2 --steps 4";

// The run may go on without this call, but says so (a regular expression; "": it need not).
struct Harmless {
  const char *api, *warning, *reason;
};
constexpr Harmless kHarmless[] = {
    {"cudaFree", "cudaFree failed", "the end of a Storage"},
    {"cudaFreeHost", "cudaFreeHost failed", "the end of a HostMemory"},
    {"cudaEventDestroy", "cudaEventDestroy failed", "the end of an Event"},
    {"cudaStreamDestroy", "cudaStreamDestroy failed", "the end of a stream"},
    {"cudaGraphDestroy", "cudaGraphDestroy failed", "the executable graph does not need the graph"},
    {"cudaGraphExecDestroy", "cudaGraphExecDestroy failed", "the end of a captured step"},
    {"cudaStreamSynchronize", "cudaStreamSynchronize.* failed", "at the end of a stream"},
    {"cudaSetDevice", "cudaSetDevice failed", "back to the device before: everything here sets its own"},
    {"cublasLtDestroy", "cublasLtDestroy failed", "the end of a backend"},
    {"cudnnDestroy", "cudnnDestroy failed", "the end of a backend"},
    {"cudnnSetStream", "cudnnSetStream.* failed", "at the end of a backend"},
    {"cudnnBackendDestroyDescriptor", "", "cudnn-frontend's, which releases in destructors without a word"},
    {"cudnnBackendCreateDescriptor", "", "cudnn-frontend passes over an engine that it cannot describe"},
    {"cudnnBackendGetAttribute", "", "cudnn-frontend passes over an engine that it cannot describe"},
    {"cudnnBackendFinalize", "", "cudnn-frontend passes over an engine that cannot be used"},
};

// Calls whose failure leaves behind what they would have released. cudaStreamEndCapture ends the capture on a device
// even where it fails; one that EMU_FAIL stops does not, and the stream cannot be destroyed.
const std::regex kReleases("cuda.*Destroy|cudaFree.*|cudaStreamEndCapture");

// What stands for a call in the message of its failure, where that is not its name.
const std::map<std::string, std::string> kOperations = {{"cudaMalloc", "out of memory on .*were asked for"},
                                                        {"cudaMallocHost", "no .* bytes of host memory"},
                                                        {"cudaLaunchKernel", "a kernel launch"},
                                                        {"cudaGetDeviceProperties", "cuda_get_device_properties"},
                                                        {"cudnnGetStream", "conv2d.* running eng"},
                                                        {"cudnnBackendExecute", "(conv2d|batch_norm).* running eng"}};
const std::string kCudnnOperation =
    "no cuDNN plan for|running eng|does not take these device properties";  // of other cudnnBackend... calls

const Harmless* harmless(const std::string& api) {
  const auto* const found =
      std::find_if(std::begin(kHarmless), std::end(kHarmless), [&](const Harmless& one) { return one.api == api; });
  return found == std::end(kHarmless) ? nullptr : found;
}

bool contains(const std::string& text, const std::string& pattern) {
  return std::regex_search(text, std::regex(pattern));
}

// The lines of `text` that begin with `start`.
std::vector<std::string> lines(const std::string& text, const std::string& start) {
  std::vector<std::string> found;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(start)) found.push_back(line);
  }
  return found;
}

void expect_clear_end(const std::string& api, const Outcome& outcome) {
  EXPECT_TRUE(lines(outcome.text, "[emulator] ERROR").empty()) << outcome.text;
  if (const Harmless* const known = harmless(api); known != nullptr && outcome.status == 0) {
    EXPECT_TRUE(contains(outcome.text, known->warning)) << outcome.text;
    return;
  }
  const bool described = contains(outcome.text, "does not take these device properties");  // a file, so a setting
  EXPECT_EQ(outcome.status, described ? kConfigError : kDeviceError) << outcome.text;
  const std::vector<std::string> errors = lines(outcome.text, "drift: ");
  ASSERT_EQ(errors.size(), 1U) << outcome.text;
  const auto operation = kOperations.find(api);
  const std::string named = operation != kOperations.end()    ? operation->second + "|" + api
                            : api.starts_with("cudnnBackend") ? kCudnnOperation
                                                              : api;
  EXPECT_TRUE(contains(errors[0], named)) << errors[0];
  EXPECT_TRUE(contains(errors[0], "cuda:1|sm_90|sm90|CUDA devices")) << errors[0];
}

class Failures : public ::testing::Test {
 protected:
  Outcome train(const std::string& norm, const std::string& environment) {
    const std::string number = std::to_string(++runs_);
    return run_emulated(kTrain + " --norm " + norm + " --bn-stats local --out " + (directory_ / number).string(),
                        "EMU_DEVICES=2 EMU_RACE=1 " + environment, directory_ / ("output" + number));
  }

  // How often each API is called.
  std::map<std::string, int> count(const std::string& norm) {
    const std::string file = directory_ / "counts";
    const Outcome whole = train(norm, "EMU_LEAKS=1 EMU_COUNT_CALLS=" + file);
    EXPECT_EQ(whole.status, 0) << whole.text;
    std::map<std::string, int> calls;
    std::ifstream stream(file);
    std::string api;
    for (int number = 0; stream >> api >> number;) calls[api] = number;
    return calls;
  }

  void fail_call(const std::string& norm, const std::string& api, int number) {
    const std::string fault = api + ":" + std::to_string(number);
    SCOPED_TRACE("EMU_FAIL=" + fault);
    const bool leaves = std::regex_match(api, kReleases);
    expect_clear_end(api, train(norm, "EMU_FAIL=" + fault + " EMU_LEAKS=" + (leaves ? "0" : "1")));
  }

 private:
  TempDirectory directory_;
  int runs_ = 0;
};

TEST_F(Failures, OfTheFirstCall) {
  const auto calls = count("group");
  EXPECT_GE(calls.size(), 35U);
  for (const auto& [api, number] : calls) fail_call("group", api, 1);
}

// Once everything is set up and the workers run.
TEST_F(Failures, OfACallInTheMiddle) {
  for (const auto& [api, number] : count("group")) {
    if (number > 2) fail_call("group", api, (number + 1) / 2);
  }
}

// What the end of a run does: its calls release or wait.
TEST_F(Failures, OfTheLastCall) {
  for (const auto& [api, number] : count("group")) {
    if (harmless(api) != nullptr && !api.starts_with("cudnnBackend")) fail_call("group", api, number);
  }
}

// What times operations: each call has an event before and after it, the latter recorded by a destructor.
TEST_F(Failures, OfTimedOperations) {
  const std::string timed = "group --no-graphs --op-times";
  const auto calls = count(timed);
  for (const std::string api : {"cudaEventCreate", "cudaEventRecord", "cudaEventQuery", "cudaEventElapsedTime"}) {
    ASSERT_TRUE(calls.contains(api)) << api;
    for (const int number : {1, 2, calls.at(api) / 2}) fail_call(timed, api, number);
  }
}

// cuDNN's own batch norm has plans of another kind; the last one executed belongs to the backward pass.
TEST_F(Failures, OfCudnnInABatchNormNet) {
  for (const auto& [api, number] : count("batch")) {
    if (!api.starts_with("cudnnBackend") || api == "cudnnBackendDestroyDescriptor") continue;
    for (const int part : {2, 5}) fail_call("batch", api, number * part / 6);
  }
}

}  // namespace
}  // namespace drift::testing
