// The stand-in of NVRTC: what it gives is what the real compiler made, once.
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <nvrtc.h>
#include <string>
#include <vector>

#include "tests/emulator/nvrtc/compiled.h"
#include "tests/support/temp_directory.h"

namespace drift::emulator {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSource = "extern \"C\" __global__ void twice(float* x) { x[threadIdx.x] *= FACTOR; }";

class Nvrtc : public ::testing::Test {
 protected:
  void SetUp() override { ::setenv("EMU_NVRTC_CACHE", directory_.path().c_str(), 1); }
  void TearDown() override { ::unsetenv("EMU_NVRTC_CACHE"); }

  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(directory_.path())) files.push_back(entry.path());
    return files;
  }

  testing::TempDirectory directory_;
};

struct Outcome {
  nvrtcResult result;
  std::string ptx;
};

Outcome compile(const std::string& source, const std::string& factor) {
  nvrtcProgram program = nullptr;
  EXPECT_EQ(nvrtcCreateProgram(&program, source.c_str(), "twice.cu", 0, nullptr, nullptr), NVRTC_SUCCESS);
  const std::string define = "-DFACTOR=" + factor;
  const std::vector<const char*> options = {"--gpu-architecture=compute_90", define.c_str()};
  Outcome outcome{nvrtcCompileProgram(program, static_cast<int>(options.size()), options.data()), ""};
  if (outcome.result == NVRTC_SUCCESS) {
    std::size_t size = 0;
    EXPECT_EQ(nvrtcGetPTXSize(program, &size), NVRTC_SUCCESS);
    outcome.ptx.resize(size);
    EXPECT_EQ(nvrtcGetPTX(program, outcome.ptx.data()), NVRTC_SUCCESS);
  }
  EXPECT_EQ(nvrtcDestroyProgram(&program), NVRTC_SUCCESS);
  return outcome;
}

TEST_F(Nvrtc, GivesWhatTheCompilerMade) {
  const Outcome first = compile(kSource, "2");
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(compile(kSource, "2").ptx, first.ptx);
  EXPECT_EQ(kept().size(), 1u);
  ::setenv("EMU_NVRTC_CACHE", "", 1);
  EXPECT_EQ(compile(kSource, "2").ptx, first.ptx);
}

TEST_F(Nvrtc, DoesNotCompileTheSameTwice) {
  compile(kSource, "2");
  const std::vector<fs::path> files = kept();
  ASSERT_EQ(files.size(), 1u);
  write_compiled(files.front(), {"kept", std::nullopt, ""});
  EXPECT_EQ(compile(kSource, "2").ptx, "kept");
}

TEST_F(Nvrtc, TellsProgramsApartBySourceAndOptions) {
  const Outcome two = compile(kSource, "2");
  EXPECT_NE(compile(kSource, "3").ptx, two.ptx);
  EXPECT_NE(compile(std::string(kSource) + " extern \"C\" __global__ void other() {}", "2").ptx, two.ptx);
  EXPECT_EQ(kept().size(), 3u);
}

TEST_F(Nvrtc, KeepsNoErrors) {
  EXPECT_EQ(compile(kSource, "no_such_name").result, NVRTC_ERROR_COMPILATION);
  EXPECT_TRUE(kept().empty());
}

TEST_F(Nvrtc, ATornFileIsCompiledAgain) {
  const Outcome first = compile(kSource, "2");
  const std::vector<fs::path> files = kept();
  ASSERT_EQ(files.size(), 1u);
  fs::resize_file(files.front(), fs::file_size(files.front()) / 2);
  EXPECT_EQ(compile(kSource, "2").ptx, first.ptx);
}

}  // namespace
}  // namespace drift::emulator
