// The recorder of NVTX ranges, loaded as NVTX loads a profiler's library: once per process, so each case is one.
#include <cstdlib>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <iterator>
#include <nvtx3/nvToolsExt.h>
#include <string>
#include <thread>

#include "tests/support/temp_directory.h"

namespace drift::emulator::testing {
namespace {

// What the recorder writes of a process that calls `ranges`, which says whether all went as it should.
std::string record(const std::function<bool()>& ranges) {
  const drift::testing::TempDirectory directory;
  const std::string path = directory / "ranges";
  const auto process = [&] {
    setenv("NVTX_INJECTION64_PATH", NVTX_RECORDER, 1);
    setenv("EMU_NVTX", path.c_str(), 1);
    std::exit(ranges() ? 0 : 1);
  };
  EXPECT_EXIT(process(), ::testing::ExitedWithCode(0), "");
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(NvtxRecorderDeathTest, WritesRangesAsTheyNestThreadByThread) {
  const std::string text = record([] {
    bool ok = nvtxRangePushA("step") == 0 && nvtxRangePushA("conv") == 1;
    ok = ok && nvtxRangePop() == 1 && nvtxRangePushA("norm") == 1;
    std::thread([] {
      nvtxRangePushA("other");
      nvtxRangePop();
    }).join();
    return ok && nvtxRangePop() == 1 && nvtxRangePop() == 0;
  });
  EXPECT_EQ(text, "thread 0\n  step\n    conv\n    norm\nthread 1\n  other\n");
}

TEST(NvtxRecorderDeathTest, NamesWhatIsNeverPopped) {
  const std::string text = record([] { return nvtxRangePushA("step") == 0 && nvtxRangePushA("conv") == 1; });
  EXPECT_EQ(text, "thread 0\n  step (never popped)\n    conv (never popped)\n");
}

TEST(NvtxRecorderDeathTest, SaysThatAPopHadNoPush) {
  const std::string text =
      record([] { return nvtxRangePushA("step") == 0 && nvtxRangePop() == 0 && nvtxRangePop() < 0; });
  EXPECT_EQ(text, "thread 0\n  step\n  popped without a push\n");
}

}  // namespace
}  // namespace drift::emulator::testing
