// Kernels of operations, from a profile that is written by hand.
#include "analysis/ledger/kernels_text.h"

#include <gtest/gtest.h>

#include "tests/analysis/profiled_run.h"

namespace drift {
namespace {

using testing::kConvolution;
using testing::kUpdate;
using testing::local_step;

constexpr const char* kSgd = "void drift::launch::packets<true, drift::SgdStep>(long, drift::SgdStep)";

class KernelsTest : public testing::ProfiledRun {};

TEST_F(KernelsTest, OfAllWorkersAndProcessesTheLongestFirst) {
  ProfileFile first = open(0, 2), second = open(1, 2);
  second.write({.op = second.id_of(kUpdate), .worker = 1, .name = kSgd, .launches = 3, .duration = 30'000});
  first.write({.op = first.id_of(kConvolution), .worker = 0, .name = "sm90_fprop", .launches = 2, .duration = 60'000});
  first.write({.op = first.id_of(kUpdate), .worker = 0, .name = kSgd, .launches = 1, .duration = 10'000});
  const Profile profile = read_profile(directory_.path());
  const std::string text = kernels_text(profile);
  EXPECT_NE(text.find("\nforward  conv2d_forward  sm90_fprop                     2  30.0       0.06  60.0\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\nupdate   sgd_update      packets<true, SgdStep>         4  10.0       0.04  40.0\n"),
            std::string::npos)
      << text;
  EXPECT_LT(text.find("conv2d"), text.find("sgd_update"));
  const Json json = kernels_json(profile);
  ASSERT_EQ(json.size(), 3u);
  EXPECT_EQ(json[0].at("layer"), "conv1");
  EXPECT_EQ(json[2].at("worker"), 1);
  EXPECT_EQ(json[2].at("kernel"), kSgd);
  EXPECT_EQ(json[2].at("seconds"), 30e-6);
}

TEST_F(KernelsTest, WhereThereAreNoneItSaysHowToHaveThem) {
  ProfileFile file = open();
  for (const int worker : {0, 1}) file.write(local_step(1, worker, file));
  EXPECT_EQ(kernels_text(read_profile(directory_.path())),
            "no kernels were recorded: train on a GPU with --profile-kernels\n");
}

TEST(ShortKernelName, IsWhatAPersonLooksFor) {
  EXPECT_EQ(short_kernel_name(kSgd, 60), "packets<true, SgdStep>");
  EXPECT_EQ(short_kernel_name("void drift::f<(drift::Kind)1>(int)", 60), "f<(Kind)1>");
  EXPECT_EQ(short_kernel_name("sm90_xmma_fprop", 60), "sm90_xmma_fprop");
  EXPECT_EQ(short_kernel_name("sm90_xmma_fprop", 8), "sm90_...");
  EXPECT_EQ(short_kernel_name("", 8), "");
}

}  // namespace
}  // namespace drift
