// Every mistake of mistakes.cu must be found, under every seed; the same program without a mistake must pass. The
// programs are real processes, run as a user would: by scripts/emulated.sh.
#include <array>
#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace drift::emulator::testing {
namespace {

constexpr int kFound = 70;
constexpr int kRefused = 1;

struct Outcome {
  int status = -1;
  std::string text;
};

// `what`: a program and the mistake it is to make.
Outcome run(const std::string& what, const std::string& environment) {
  const std::string command =
      "env EMU_QUIET=1 EMU_RACE=1 DRIFT_BUILD=" DRIFT_BUILD " " + environment + " " EMULATED_SH " " + what + " 2>&1";
  std::FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  Outcome outcome;
  std::array<char, 4096> piece;
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), pipe)) {
    outcome.text.append(piece.data(), count);
  }
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

struct Case {
  const char* mistake;
  int status;
  const char* text;
  const char* environment = "";
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.mistake;
}

class Mistakes : public ::testing::TestWithParam<Case> {
 protected:
  static void expect_found(const std::string& program) {
    const Case& one = GetParam();
    for (const char* seed : {"0", "1", "2"}) {
      const Outcome outcome = run(program + " " + one.mistake, std::string("EMU_SEED=") + seed + " " + one.environment);
      EXPECT_EQ(outcome.status, one.status) << "seed " << seed << "\n" << outcome.text;
      EXPECT_NE(outcome.text.find(one.text), std::string::npos) << "seed " << seed << "\n" << outcome.text;
    }
  }
};

TEST_P(Mistakes, IsFoundUnderEverySeed) {
  expect_found(MISTAKES_PROGRAM);
}

INSTANTIATE_TEST_SUITE_P(
    All, Mistakes,
    ::testing::Values(
        Case{"none", 0, ""}, Case{"none_in_graph", 0, ""}, Case{"none_in_bytes", 0, ""},
        Case{"none", 0, "", "EMU_LEAKS=1"}, Case{"none_in_graph", 0, "", "EMU_EAGER=1"},
        Case{"streams_unordered", kFound, "global memory race"}, Case{"reader_unordered", kFound, "global memory race"},
        Case{"graph_and_stream_unordered", kFound, "global memory race"}, Case{"none_in_graph_that_waits", 0, ""},
        Case{"graph_waits_too_late", kFound, "global memory race"},
        Case{"memory_used_on_another_stream", kFound, "global memory race"},
        Case{"unwritten", kFound, "nobody has written since it was allocated"}, Case{"none_in_half_unwritten", 0, ""},
        Case{"copied_unwritten", kFound, "124 bytes into 1024"},
        Case{"shared_unwritten", kFound, "nobody has written since the block began"},
        Case{"freed_while_used", kFound, "cudaFreeAsync"}, Case{"pinned_reused_early", kFound, "changed pinned memory"},
        Case{"pinned_reused_early_in_graph", kFound, "changed pinned memory"},
        Case{"blocks_conflict", kFound, "another block"}, Case{"blocks_conflict_in_bytes", kFound, "another block"},
        Case{"shared_race", kFound, "shared-memory race"}, Case{"none_in_lanes", 0, ""},
        Case{"lanes_unsynchronised", kFound, "of the same warp, and no __syncwarp lies between"},
        Case{"none_in_copies", 0, ""}, Case{"copies_unawaited", kFound, "a cp.async.wait is missing"},
        Case{"copies_unsynchronised", kFound, "shared offset"}, Case{"none_in_products", 0, ""},
        Case{"product_by_half_a_warp", kFound, "all 32 lanes of the warp must run this instruction"},
        Case{"out_of_bounds", kFound, "lie in no allocation"}, Case{"misaligned", kFound, "misaligned"},
        Case{"host_memory", kFound, "host memory"}, Case{"used_after_free", kFound, "freed by cudaFree"},
        Case{"used_after_free_in_order", kFound, "freed by cudaFreeAsync"},
        Case{"barrier_deadlock", kFound, "barrier deadlock"}, Case{"wrong_shuffle_mask", kFound, "shfl"},
        Case{"endless", kFound, "without end", "EMU_MAX_INSTRUCTIONS=10000"}, Case{"trap", kFound, "trap"},
        Case{"blocks_wait", kFound, "without end", "EMU_MAX_INSTRUCTIONS=10000"},
        Case{"none_in_waiting_blocks", 0, "", "EMU_MAX_INSTRUCTIONS=10000"}, Case{"none_in_grid", 0, ""},
        Case{"none_in_captured_grid", 0, ""}, Case{"grid_unsynchronised", kFound, "another block"},
        Case{"grid_too_large", kRefused, "cudaErrorCooperativeLaunchTooLarge"},
        Case{"clusters", kRefused, "clusters are not modelled"},
        Case{"other_device", kFound, "no peer access", "EMU_DEVICES=2"},
        Case{"unjoined_capture", kRefused, "cudaErrorStreamCaptureUnjoined"},
        Case{"too_many_threads", kRefused, "cudaErrorInvalidConfiguration"},
        Case{"too_much_shared", kRefused, "cudaErrorInvalidValue"},
        Case{"waits_inside_work", kRefused, "cudaErrorNotPermitted"},
        Case{"leak", kFound, "2 device allocations were never released", "EMU_LEAKS=1"},
        Case{"none", kRefused, "cudaErrorMemoryAllocation", "EMU_MEMORY=1500"},
        Case{"none", kRefused, "cudaErrorNoDevice", "EMU_DEVICES=0"},
        Case{"none", kRefused, "cudaErrorNoKernelImageForDevice", "EMU_SM=80"},
        Case{"trap", kRefused, "cudaErrorIllegalAddress", "EMU_ON_ERROR=sticky"},
        Case{"none", kFound, "EMU_SM: 75, 80, 90 or 100 is wanted", "EMU_SM=70"}),
    [](const auto& one) { return std::string(one.param.mistake) + "_" + std::to_string(one.index); });

TEST(HostCode, FaultsWhereItFollowsADevicePointer) {
  EXPECT_EQ(run(MISTAKES_PROGRAM " host_reads_device", "").status, 128 + SIGSEGV);
}

class Counted : public ::testing::TestWithParam<const char*> {
 protected:
  std::string path = ::testing::TempDir() + "emulator_counts_" + std::to_string(getpid()) + "_" + GetParam();
  ~Counted() override { std::remove(path.c_str()); }
};

TEST_P(Counted, EveryEventWaitIsNeeded) {
  ASSERT_EQ(run(std::string(MISTAKES_PROGRAM " ") + GetParam(), "EMU_COUNT_WAITS=" + path).status, 0);
  int waits = 0;
  std::ifstream(path) >> waits;
  ASSERT_EQ(waits, 2);
  for (int wait = 1; wait <= waits; ++wait) {
    const Outcome outcome =
        run(std::string(MISTAKES_PROGRAM " ") + GetParam(), "EMU_SKIP_WAIT=" + std::to_string(wait));
    EXPECT_NE(outcome.status, 0) << "without wait " << wait;
  }
}

TEST_P(Counted, EveryCallCanFail) {
  ASSERT_EQ(run(std::string(MISTAKES_PROGRAM " ") + GetParam(), "EMU_COUNT_CALLS=" + path).status, 0);
  std::ifstream counts(path);
  std::string api;
  int count = 0, apis = 0;
  while (counts >> api >> count) {
    ++apis;
    const Outcome outcome =
        run(std::string(MISTAKES_PROGRAM " ") + GetParam(), "EMU_FAIL=" + api + ":" + std::to_string(count) + ":801");
    EXPECT_EQ(outcome.status, kRefused) << api << " call " << count;
    EXPECT_NE(outcome.text.find("cudaErrorNotSupported"), std::string::npos) << api << ": " << outcome.text;
  }
  EXPECT_GE(apis, 10);
}

INSTANTIATE_TEST_SUITE_P(All, Counted, ::testing::Values("none", "none_in_graph"));

class ThreadMistakes : public Mistakes {};

TEST_P(ThreadMistakes, IsFoundUnderEverySeed) {
  expect_found(THREAD_MISTAKES_PROGRAM);
}

INSTANTIATE_TEST_SUITE_P(All, ThreadMistakes,
                         ::testing::Values(Case{"none_by_join", 0, ""}, Case{"none_by_creation", 0, ""},
                                           Case{"none_by_condition", 0, ""}, Case{"none_by_timed_condition", 0, ""},
                                           Case{"none_by_lock", 0, ""}, Case{"none_by_waiting", 0, ""},
                                           Case{"none_by_semaphore", 0, ""}, Case{"none_by_host_function", 0, ""},
                                           Case{"none_by_event", 0, ""}, Case{"no_lock", kFound, "global memory race"},
                                           Case{"another_lock", kFound, "global memory race"},
                                           Case{"told_too_early", kFound, "global memory race"}));

class GraphMemoryMistakes : public Mistakes {};

TEST_P(GraphMemoryMistakes, IsFoundUnderEverySeed) {
  expect_found(GRAPH_MEMORY_MISTAKES_PROGRAM);
}

INSTANTIATE_TEST_SUITE_P(All, GraphMemoryMistakes,
                         ::testing::Values(Case{"none", 0, "", "EMU_LEAKS=1"},
                                           Case{"used_before_allocated", kFound, ""},
                                           Case{"freed_while_used", kFound, ""},
                                           Case{"used_after_free", kFound, "or that was freed"},
                                           Case{"used_after_launch", kFound, "or that was freed"},
                                           Case{"used_without_launch", kFound, "has not allocated yet"},
                                           Case{"used_elsewhere_unordered", kFound, ""},
                                           Case{"launched_again", kRefused, "cudaErrorInvalidValue"},
                                           Case{"leaked", kFound, "1 device allocations", "EMU_LEAKS=1"}));

#ifdef NCCL_MISTAKES_PROGRAM

class NcclMistakes : public Mistakes {};

TEST_P(NcclMistakes, IsFoundUnderEverySeed) {
  expect_found(NCCL_MISTAKES_PROGRAM);
}

INSTANTIATE_TEST_SUITE_P(
    All, NcclMistakes,
    ::testing::Values(Case{"none", 0, "", "EMU_DEVICES=2 EMU_LEAKS=1"}, Case{"none_in_graph", 0, "", "EMU_DEVICES=2"},
                      Case{"none", 0, "", "EMU_DEVICES=2 EMU_NCCL_DELAY=1:2:50"},
                      Case{"none_in_registered_memory", 0, "", "EMU_DEVICES=2 EMU_LEAKS=1"},
                      Case{"registered_on_one_side", kFound, "in registered memory", "EMU_DEVICES=2"},
                      Case{"reduced_at_other_offsets", kFound, "at byte 1024", "EMU_DEVICES=2"},
                      Case{"freed_while_registered", kFound, "still has registered", "EMU_DEVICES=2"},
                      Case{"other_count", kFound, "elements of type", "EMU_DEVICES=2"},
                      Case{"other_type", kFound, "elements of type", "EMU_DEVICES=2"},
                      Case{"other_order", kFound, "elements of type", "EMU_DEVICES=2"},
                      Case{"other_count_of_a_reduction", kFound, "reduces", "EMU_DEVICES=2"},
                      Case{"never_comes", kFound, "waits for ranks that did not come", "EMU_DEVICES=2 EMU_TIMEOUT=1"},
                      Case{"other_communicator", kFound, "waits for ranks", "EMU_DEVICES=2 EMU_TIMEOUT=1"},
                      Case{"one_after_the_other", kFound, "waits for ranks", "EMU_DEVICES=2 EMU_TIMEOUT=1"},
                      Case{"sent_while_written", kFound, "global memory race", "EMU_DEVICES=2"},
                      Case{"read_before_it_came", kFound, "global memory race", "EMU_DEVICES=2"},
                      Case{"no_such_rank", kRefused, "emulated NCCL error", "EMU_DEVICES=2"},
                      Case{"lost", 0, "", "EMU_DEVICES=2 EMU_NCCL_LOSE=1:1"},
                      Case{"none", kRefused, "emulated NCCL error", "EMU_DEVICES=2 EMU_FAIL=ncclSend:3"}));

#endif

}  // namespace
}  // namespace drift::emulator::testing
