// A mutation test of the waits: each wait of a stream for another, and each wait of the host that finds something
// unfinished, is left out once; the race check must say so, or the result must be another one, under at least one of a
// few orders. So every wait is needed, and none can be lost unnoticed.
//
// Where memory is freed behind a wait, leaving it out changes nothing here: cudaFree and cudaFreeHost
// wait as well, but CUDA does not promise that they do. Such waits are counted, so that no other is among them.
// Not covered for the same reason: the waits in destructors (~StagingRing, ~CudaStream), where nothing is left to wait
// for in a run that went well.
#include <fstream>
#include <gtest/gtest.h>
#include <vector>

#include "tests/cuda/emulated_process.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

constexpr int kSeeds = 3;
constexpr int kRefused = 1;  // by the program: what it read is not finite

struct Program {
  const char* name;
  int waits, syncs;  // at least so many
  int unneeded;      // exactly so many
};

void PrintTo(const Program& program, std::ostream* out) {
  *out << program.name;
}

class Waits : public ::testing::TestWithParam<Program> {
 protected:
  Outcome run(int seed, const std::string& environment) {
    return run_emulated(std::string(WAITS_PROGRAM) + " " + GetParam().name + " " + (directory_ / "weights").string(),
                        "EMU_RACE=1 EMU_SEED=" + std::to_string(seed) + " " + environment, directory_ / "output");
  }

  bool is_needed(const std::string& mutation, const std::string& result) {
    for (int seed = 1; seed <= kSeeds; ++seed) {
      const Outcome outcome = run(seed, mutation);
      EXPECT_TRUE(outcome.status == 0 || outcome.status == kMistake || outcome.status == kRefused) << mutation << "\n"
                                                                                                   << outcome.text;
      if (outcome.status != 0 || outcome.out != result) return true;
    }
    return false;
  }

  TempDirectory directory_;
};

TEST_P(Waits, AreAllNeeded) {
  const std::string counts = directory_ / "counts";
  const Outcome whole = run(1, "EMU_COUNT_WAITS=" + counts);
  ASSERT_EQ(whole.status, 0) << whole.text;
  for (int seed = 2; seed <= kSeeds; ++seed) EXPECT_EQ(run(seed, "").out, whole.out) << "seed " << seed;
  int waits = 0, syncs = 0;
  std::ifstream(counts) >> waits >> syncs;
  EXPECT_GE(waits, GetParam().waits);
  EXPECT_GE(syncs, GetParam().syncs);
  std::vector<std::string> mutations;
  for (int n = 1; n <= waits; ++n) mutations.push_back("EMU_SKIP_WAIT=" + std::to_string(n));
  for (int n = 1; n <= syncs; ++n) mutations.push_back("EMU_SKIP_SYNC=" + std::to_string(n));
  std::erase_if(mutations, [&](const std::string& mutation) { return is_needed(mutation, whole.out); });
  EXPECT_EQ(std::ssize(mutations), GetParam().unneeded) << "nothing changes by " << ::testing::PrintToString(mutations);
}

// Their blocks wait for each other, so two of them that count on the whole device could stand half placed for ever: as
// seen on an H200 with four workers.
TEST(BatchNormsOfCudnn, ThatMayOverlapShareTheDevice) {
  const TempDirectory directory;
  const std::string program = std::string(WAITS_PROGRAM) + " batch_norms ";
  const Outcome alone = run_emulated(program + "1", "EMU_RACE=1", directory / "output");
  EXPECT_EQ(alone.status, kMistake) << alone.text;
  EXPECT_NE(alone.text.find("need 132 multiprocessors"), std::string::npos) << alone.text;
  const Outcome sharing = run_emulated(program + "2", "EMU_RACE=1", directory / "output");
  EXPECT_EQ(sharing.status, 0) << sharing.text;
}

// averages: two averages over 3 workers and two broadcasts, 4 waits each; three downloads. staging: 2 slots used again,
// 34 pieces downloaded. uploads: five batches, each waited for, and each but the first waits until the one before was
// taken; three slots used again, a download. steps: the results, the images, the end.
// replicas: each replica initial, restored and loaded. What one of the two does not need, the other does: in steps
// nobody reads the initial replica from another stream, in replicas nobody trains on the images. Worker 0 uploads them:
// that wait also covers its own initial replica.
INSTANTIATE_TEST_SUITE_P(All, Waits,
                         ::testing::Values(Program{"averages", 16, 3, 0}, Program{"joint", 20, 3, 0},
                                           Program{"overlap", 28, 3, 0}, Program{"staging", 0, 36, 0},
                                           Program{"uploads", 9, 4, 0}, Program{"steps", 0, 9, 2},
                                           Program{"replicas", 0, 7, 2}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace drift::testing
