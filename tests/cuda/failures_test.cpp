// Every CUDA, cuDNN and cuBLASLt call that a training run makes is made to fail once: the run ends with one clear line,
// releases everything and hangs nowhere. Which calls there are is counted, not listed; listed is only what a failure
// may do no harm to, and what the program links but cannot see fail, and why. A real run in a real process, on the
// second of two emulated devices, so that switching devices is among the calls.
#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <set>
#include <vector>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

constexpr int kDeviceError = 5;  // an exit code, core/error.h

// Synchronous steps, then local ones and an average, so that each of them runs once as it is and once captured.
const std::string kTrain = DRIFT_PROGRAM
    " train --device cuda:1 --workers 2 --model cifar-resnet8 --data shapes:16:8 --local-batch 2 --algo "
    "post-local --switch-step 2 --period 2 --steps 4 --capture-range 1:3";

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
    {"cudaStreamQuery", "the end of a stream: .*cudaStreamQuery.* failed", "at the end of a stream"},
    {"cudaSetDevice", "cudaSetDevice failed", "in front of a release, which says so and goes on"},
    {"cublasLtDestroy", "cublasLtDestroy failed", "the end of a backend"},
    {"cublasLtMatmulDescDestroy", "", "the end of a plan; documented to succeed"},
    {"cublasLtMatrixLayoutDestroy", "", "the end of a plan; documented to succeed"},
    {"cublasLtMatmulPreferenceDestroy", "", "the plan is made; documented to succeed"},
    {"cudaProfilerStop", "cudaProfilerStop failed", "the end of what a profiler records"},
    {"cudnnDestroy", "cudnnDestroy failed", "the end of a backend"},
    {"cudnnSetStream", "cudnnSetStream.* failed", "at the end of a backend"},
    {"cudnnBackendDestroyDescriptor", "", "cudnn-frontend's, which releases in destructors without a word"},
    {"cudnnBackendCreateDescriptor", "", "cudnn-frontend passes over an engine that it cannot describe"},
    {"cudnnBackendGetAttribute", "", "cudnn-frontend passes over an engine that it cannot describe"},
    {"cudnnBackendSetAttribute", "", "cudnn-frontend passes over an engine that it cannot configure"},
    {"cudnnBackendFinalize", "", "cudnn-frontend passes over an engine that cannot be used"},
};

// Calls that the program links and that no run counts (a regular expression of whole names).
struct NotCounted {
  const char *apis, *reason;
};
constexpr NotCounted kNotCounted[] = {
    {"cuda(GetErrorName|GetErrorString|GetLastError)", "tells of the failure of another call"},
    {"cublasLtGet(StatusName|StatusString|Version)", "returns what it is asked for, no status"},
    {"cudnnGet(ErrorString|LastErrorString|Version)", "returns what it is asked for, no status"},
    {"cuda(Library.*|KernelSetAttributeForDevice|GetDriverEntryPoint.*)",
     "cudnn-frontend's own kernels (attention, RMS norm), which no network has"},
    {"cudaMemsetAsync", "--plans timed, which plan_file_test.cpp runs, and those kernels"},
    {"cuda(Device|Event)Synchronize", "cudnn-frontend's own search for the fastest plan, which nobody asks for"},
    {"cudaDriverGetVersion", "only where the driver is too old, which devices_test.cpp shows"},
};

// The end of something: made for the last time when the run ends.
bool releases(const std::string& api) {
  static const std::regex kNames("cu.*Destroy.*|cudaFree.*");
  return std::regex_match(api, kNames);
}

// Made for one operation on tensors: the message has their shapes.
const std::regex kOfAnOperation("cublasLtM.*|cudnnBackend.*|cudnnGetStream|cudaLaunchKernel");

// What stands for a call in the message of its failure, where that is not its name.
const std::map<std::string, std::string> kOperations = {{"cudaMalloc", "out of memory on .*were asked for"},
                                                        {"cudaMallocHost", "no .* bytes of host memory"},
                                                        {"cudaLaunchKernel", "a kernel launch"},
                                                        {"cudaGetDeviceProperties", "cuda_get_device_properties"},
                                                        {"cudnnGetStream", "conv2d.* running eng"},
                                                        {"cudnnBackendExecute", "(conv2d|batch_norm).* running eng"}};
const std::string kCudnnOperation = "no cuDNN plan for|running eng";  // of other cudnnBackend... calls

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
  EXPECT_EQ(outcome.status, kDeviceError) << outcome.text;
  const std::vector<std::string> errors = lines(outcome.text, "drift: ");
  ASSERT_EQ(errors.size(), 1U) << outcome.text;
  const auto operation = kOperations.find(api);
  const std::string named = operation != kOperations.end()    ? operation->second + "|" + api
                            : api.starts_with("cudnnBackend") ? kCudnnOperation
                                                              : api;
  EXPECT_TRUE(contains(errors[0], named)) << errors[0];
  if (std::regex_match(api, kOfAnOperation)) {
    EXPECT_TRUE(contains(errors[0], "\\[[0-9]+(,| x )[0-9]+")) << errors[0];
  }
  EXPECT_TRUE(contains(errors[0], "cuda:1|sm_90|sm90|CUDA devices")) << errors[0];
}

// The functions of the three libraries that the program asks the loader for.
std::vector<std::string> linked_calls() {
  std::FILE* const pipe = popen(NM " -D --undefined-only " DRIFT_PROGRAM, "r");
  std::array<char, 4096> line;
  std::vector<std::string> apis;
  const std::regex name(" U ((cuda|cudnn|cublas)[A-Za-z0-9_]+)");
  for (std::cmatch match; pipe != nullptr && std::fgets(line.data(), line.size(), pipe) != nullptr;) {
    if (std::regex_search(line.data(), match, name)) apis.push_back(match[1]);
  }
  EXPECT_EQ(pipe == nullptr ? -1 : pclose(pipe), 0);
  return apis;
}

class Failures : public ::testing::Test {
 protected:
  Outcome train(const std::string& norm, const std::string& environment) {
    const std::string number = std::to_string(++runs_);
    return run_emulated(kTrain + " --norm " + norm + " --bn-stats local --out " + (directory_ / number).string(),
                        "EMU_DEVICES=2 EMU_RACE=1 " + environment, directory_ / ("output" + number));
  }

  // How often each API is called; if `fault` fails, until the end that it leads to.
  std::map<std::string, int> count(const std::string& norm, const std::string& fault = "") {
    const std::string file = directory_ / "counts";
    const Outcome whole = train(norm, "EMU_LEAKS=1 EMU_FAIL=" + fault + " EMU_COUNT_CALLS=" + file);
    EXPECT_EQ(whole.status, fault.empty() ? 0 : kDeviceError) << whole.text;
    return calls_counted(file);
  }

  // `before`: a fault without which the call is not made.
  void fail_call(const std::string& norm, const std::string& api, int number, const std::string& before = "") {
    const std::string fault = before + api + ":" + std::to_string(number);
    SCOPED_TRACE("EMU_FAIL=" + fault);
    // A failed cudaStreamEndCapture ends the capture on a device; one that EMU_FAIL stops does not, and the stream
    // cannot be destroyed.
    const bool leaves = releases(api) || api == "cudaStreamEndCapture";
    expect_clear_end(api, train(norm, "EMU_FAIL=" + fault + " EMU_LEAKS=" + (leaves ? "0" : "1")));
  }

 private:
  TempDirectory directory_;
  int runs_ = 0;
};

const std::string kTimed = "group --no-graphs --op-times";
const std::string kOutOfMemory = "cudaMalloc:1";

TEST_F(Failures, AProfileDoesNotRecordWhatOpTimesHoldsUp) {
  const Outcome run = train("group --profile --op-times", "EMU_LEAKS=0");
  EXPECT_EQ(run.status, 3) << run.text;
  EXPECT_NE(run.text.find("--op-times holds cuda:1 up before each operation, which --profile would record"),
            std::string::npos)
      << run.text;
}

TEST_F(Failures, OfTheFirstCall) {
  const auto calls = count("group");
  EXPECT_GE(calls.size(), 43U);
  for (const auto& [api, number] : calls) fail_call("group", api, 1);
}

// Once everything is set up and the workers run.
TEST_F(Failures, OfACallInTheMiddle) {
  for (const auto& [api, number] : count("group")) {
    if (number > 2 && !releases(api)) fail_call("group", api, (number + 1) / 2);
  }
}

// What the end of a run does: its calls release. It waits, too, but how often one looks then is left to chance.
TEST_F(Failures, OfTheLastCall) {
  for (const auto& [api, number] : count("group")) {
    const bool at_the_end = !api.starts_with("cudnnBackend") && api != "cudaStreamQuery";
    if (harmless(api) != nullptr && at_the_end) fail_call("group", api, number);
  }
}

// What times operations: each call has an event before and after it, the latter recorded by a destructor.
TEST_F(Failures, OfTimedOperations) {
  const auto untimed = count("group");
  for (const auto& [api, number] : count(kTimed)) {
    const auto known = untimed.find(api);
    if (known != untimed.end() && number < 2 * known->second) continue;
    for (const int one : {1, 2, number / 2}) fail_call(kTimed, api, one);
  }
}

// cuDNN's own batch norm has plans of another kind; the last one executed belongs to the backward pass.
TEST_F(Failures, OfCudnnInABatchNormNet) {
  for (const auto& [api, number] : count("batch")) {
    if (!api.starts_with("cudnnBackend") || api == "cudnnBackendDestroyDescriptor") continue;
    for (const int part : {2, 5}) fail_call("batch", api, number * part / 6);
  }
}

// Calls that only a failure leads to: the message of it says how much memory is free.
TEST_F(Failures, OfCallsAfterAFailure) {
  auto calls = count("group", kOutOfMemory);
  for (const auto& [api, number] : count("group")) {
    if (calls.contains(api) && calls.at(api) <= number) calls.erase(api);
  }
  EXPECT_FALSE(calls.empty());
  for (const auto& [api, number] : calls) fail_call("group", api, number, kOutOfMemory + ",");
}

// Every function of CUDA, cuDNN and cuBLASLt that the program links is called in one of these runs, or has a reason not
// to be: a new one cannot be forgotten. Names with underscores before them are nvcc's, around a launch.
TEST_F(Failures, LeaveOutNoCall) {
  const auto failed = count("group");
  std::set<std::string> counted;
  for (const auto& calls : {failed, count(kTimed), count("group", kOutOfMemory)}) {
    for (const auto& [api, number] : calls) counted.insert(api);
  }
  for (const auto& [api, number] : count("batch")) EXPECT_TRUE(failed.contains(api)) << api << " is never made to fail";

  const std::vector<std::string> linked = linked_calls();
  EXPECT_GT(linked.size(), counted.size());
  for (const std::string& api : linked) {
    const auto* const known = std::find_if(std::begin(kNotCounted), std::end(kNotCounted), [&](const NotCounted& one) {
      return std::regex_match(api, std::regex(one.apis));
    });
    const bool has_reason = known != std::end(kNotCounted);
    EXPECT_NE(counted.contains(api), has_reason)
        << api << (has_reason ? " is counted, though it should not be" : " is never called here");
  }
}

}  // namespace
}  // namespace drift::testing
