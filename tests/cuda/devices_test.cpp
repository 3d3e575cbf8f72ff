// Which devices a run takes, which it refuses and what it does to the others: a driver or GPU that the build cannot use
// is an error that says what to do, and --device cpu never asks. On emulated devices, of which the environment says
// what they are.
#include <array>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

#include "kernels/cuda/architectures.h"
#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

constexpr int kDeviceError = 5;  // exit code, core/error.h

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Devices : public ::testing::Test {
 protected:
  Outcome run(const std::string& command, const std::string& environment) const {
    return run_emulated(DRIFT_PROGRAM " " + command, environment, directory_ / "output");
  }

  // One step, with the run in the folder `name`.
  Outcome train(const std::string& name, const std::string& device, const std::string& environment) const {
    return run(
        "train --workers 2 --model cifar-resnet8 --norm group --data shapes:8:8 --local-batch 2 --steps 1 --bn-stats "
        "local --device " +
            device + " --out " + (directory_ / name).string(),
        environment);
  }

  void expect_refused(const std::string& environment, const std::string& reason) const {
    for (const std::string device : {"auto", "cuda:0"}) {
      SCOPED_TRACE(environment + " " + device);
      const Outcome outcome = train(device, device, environment);
      EXPECT_EQ(outcome.status, kDeviceError);
      EXPECT_TRUE(contains(outcome.text, "drift: " + reason)) << outcome.text;
      EXPECT_TRUE(contains(outcome.text, "--device cpu")) << outcome.text;
    }
    EXPECT_EQ(train("cpu", "cpu", environment).status, 0);
    const Outcome doctor = run("doctor", environment);
    EXPECT_EQ(doctor.status, kDeviceError);
    EXPECT_TRUE(contains(doctor.out, "(default: none)")) << doctor.out;
    EXPECT_TRUE(contains(doctor.out, "problem            " + reason)) << doctor.out;
  }

  TempDirectory directory_;
};

TEST_F(Devices, AreRefusedWithATooOldDriver) {
  expect_refused("EMU_DRIVER=11080", "the NVIDIA driver of this machine is one of CUDA 11.8, ");
}

TEST_F(Devices, AreNoneWithoutADriver) {
  const Outcome doctor = run("doctor", "EMU_DRIVER=0");
  EXPECT_EQ(doctor.status, 0) << doctor.text;
  EXPECT_TRUE(contains(doctor.out, "cpu (default: cpu)")) << doctor.out;
}

TEST_F(Devices, AreRefusedIfTheBuildHasNoCodeForThem) {
  expect_refused("EMU_SM=75", "cuda:0 (Emulated sm_75, sm_75) cannot be used: this build has code for sm_80, ");
}

TEST(WhyUnusable, NamesTheOldestArchitectureAndTheToolkitOfBlackwell) {
  constexpr std::array kTwo = {80, 90};
  for (const int capability : {80, 86, 90}) EXPECT_EQ(why_unusable(capability, kTwo, 12040), "");
  for (const int capability : {100, 120}) EXPECT_EQ(why_unusable(capability, kTwo, 12080), "");
  EXPECT_TRUE(contains(why_unusable(75, kTwo, 12080), "code for sm_80, sm_90 and newer"));
  EXPECT_TRUE(contains(why_unusable(100, kTwo, 12060), "CUDA 12.8 or newer, and this build is made with CUDA 12.6"));
  EXPECT_EQ(built_architectures().front(), 80);
}

// A context takes memory that a run on that GPU may need.
TEST_F(Devices, GetAContextOnlyIfTheRunUsesThem) {
  const std::string contexts = directory_ / "contexts";
  for (const std::string device : {"0", "1"}) {
    const Outcome outcome = train(device, "cuda:" + device, "EMU_DEVICES=2 EMU_LEAKS=1 EMU_CONTEXTS=" + contexts);
    ASSERT_EQ(outcome.status, 0) << outcome.text;
    EXPECT_EQ(read(contexts), device + "\n");
  }
}

// 77 MB of training images; all else of the run takes about 100.
TEST_F(Devices, KeepTrainingImagesWhereThereIsRoom) {
  const auto train_with = [&](const std::string& memory) {
    return run(
        "train --model cifar-resnet8 --norm group --data shapes:25000:8 --local-batch 2 --steps 3 --bn-stats local "
        "--device cuda:0 --out " +
            (directory_ / memory).string(),
        "EMU_MEMORY=" + memory);
  };
  const Outcome roomy = train_with("400000000"), small = train_with("150000000");
  ASSERT_EQ(roomy.status, 0) << roomy.text;
  ASSERT_EQ(small.status, 0) << small.text;
  EXPECT_TRUE(contains(roomy.text, "fit into half of the 400.0 MB that are free on cuda:0: they are kept"))
      << roomy.text;
  EXPECT_TRUE(contains(small.text, "do not fit into half of the 150.0 MB that are free on cuda:0: each batch travels"))
      << small.text;
  const auto loss = [&](const std::string& name) {
    const std::string text = read(directory_ / name / "summary.json");
    const std::size_t begin = text.find("\"train_loss\"");
    return text.substr(begin, text.find(',', begin) - begin);
  };
  EXPECT_EQ(loss("400000000"), loss("150000000"));
}

TEST_F(Devices, HaveQueuesForManyWorkersUnlessToldOtherwise) {
  unsetenv("CUDA_DEVICE_MAX_CONNECTIONS");
  ASSERT_EQ(train("untold", "cuda:0", "").status, 0);
  EXPECT_TRUE(contains(read(directory_ / "untold" / "env.json"), R"("CUDA_DEVICE_MAX_CONNECTIONS": "32")"));
  ASSERT_EQ(train("told", "cuda:0", "CUDA_DEVICE_MAX_CONNECTIONS=9").status, 0);
  EXPECT_TRUE(contains(read(directory_ / "told" / "env.json"), R"("CUDA_DEVICE_MAX_CONNECTIONS": "9")"));
}

// An engine that cannot be used is passed over, but the runtime remembers what failed in there.
TEST_F(Devices, AreNotBlamedForWhatALibraryTried) {
  for (const std::string call : {"cudnnBackendCreateDescriptor:400", "cublasLtMatmulPreferenceDestroy:1"}) {
    const Outcome outcome = train(call, "cuda:0", "EMU_FAIL=" + call);
    EXPECT_EQ(outcome.status, 0) << outcome.text;
  }
}

}  // namespace
}  // namespace drift::testing
