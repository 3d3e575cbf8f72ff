#include "train/conditions.h"

#include <gtest/gtest.h>

namespace drift {
namespace {

using Texts = std::vector<std::string>;

TEST(Conditions, OfACpuHaveItsThreadsAndLibraries) {
  const Conditions conditions =
      conditions_of(Device{}, {.threads = 4, .lanes = 2, .threads_per_worker = 2}, "3 direct");
  EXPECT_EQ(conditions.at("device"), "cpu");
  EXPECT_EQ(conditions.at("threads per worker"), "2");
  EXPECT_EQ(conditions.at("convolutions"), "3 direct");
  for (const char* name : {"cores", "instruction sets", "oneDNN", "compiler", "-march"}) {
    EXPECT_TRUE(conditions.contains(name)) << name;
  }
}

TEST(Conditions, SayWhatDiffersAndMatters) {
  const Conditions before = {{"device", "cpu"}, {"threads per worker", "2"}, {"cores", "4"}, {"oneDNN", "2.6"}};
  EXPECT_EQ(differences(before, before), Texts{});
  const Conditions cores = {{"device", "cpu"}, {"threads per worker", "2"}, {"cores", "8"}, {"oneDNN", "2.6"}};
  EXPECT_EQ(differences(before, cores), Texts{}) << "with as many threads";
  const Conditions now = {{"device", "cpu"}, {"threads per worker", "4"}, {"cores", "8"}, {"oneDNN", "2.6"}};
  EXPECT_EQ(differences(before, now), (Texts{"cores: 4, now 8", "threads per worker: 2, now 4"}));
  EXPECT_EQ(differences({}, now), Texts{}) << "of a checkpoint that says nothing";
}

}  // namespace
}  // namespace drift
