// What could still be allocated, on machines made of files.
#include "kernels/cpu/available_memory.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

class AvailableMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    file("proc/meminfo", "MemTotal: 9000 kB\nMemFree: 1000 kB\nMemAvailable: 5000 kB\nCached: 4000 kB\n");
  }
  void file(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    testing::set_file_text(root_ / name, text);
  }
  std::int64_t available() const { return available_host_bytes(root_.path()); }

  testing::TempDirectory root_;
};

TEST_F(AvailableMemory, IsWhatTheMachineCouldFree) {
  EXPECT_EQ(available(), 5000 * 1024);  // the page cache is counted
}

TEST_F(AvailableMemory, RespectsGroupsOfVersion2AndThoseAbove) {
  file("proc/self/cgroup", "0::/job/step\n");
  file("sys/fs/cgroup/job/step/memory.max", "max\n");
  file("sys/fs/cgroup/job/step/memory.current", "100\n");
  EXPECT_EQ(available(), 5000 * 1024);
  file("sys/fs/cgroup/job/memory.max", "300000\n");
  file("sys/fs/cgroup/job/memory.current", "200000\n");
  EXPECT_EQ(available(), 100'000);
  file("sys/fs/cgroup/job/memory.stat", "anon 1\nfile 70000\nactive_file 20000\ninactive_file 30000\nslab 5\n");
  EXPECT_EQ(available(), 150'000);
  file("sys/fs/cgroup/job/memory.current", "400000\n");
  file("sys/fs/cgroup/job/memory.stat", "");
  EXPECT_EQ(available(), 0);
}

// In a container the path is often that of the outside.
TEST_F(AvailableMemory, RespectsTheTopmostGroupThatIsSeen) {
  file("proc/self/cgroup", "0::/docker/abc\n");
  file("sys/fs/cgroup/memory.max", "300000\n");
  file("sys/fs/cgroup/memory.current", "100000\n");
  EXPECT_EQ(available(), 200'000);
}

TEST_F(AvailableMemory, RespectsGroupsOfVersion1) {
  file("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:hugetlb,memory:/slurm/job\n0::/\n");
  file("sys/fs/cgroup/memory/slurm/job/memory.limit_in_bytes", "400000\n");
  file("sys/fs/cgroup/memory/slurm/job/memory.usage_in_bytes", "300000\n");
  file("sys/fs/cgroup/memory/slurm/job/memory.stat", "total_inactive_file 10000\ntotal_active_file 20000\n");
  EXPECT_EQ(available(), 130'000);
}

TEST_F(AvailableMemory, RespectsTheLimitsOfTheProcess) {
  const auto page = static_cast<rlim_t>(sysconf(_SC_PAGESIZE));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_DATA, &before), 0);
  const rlimit now{std::min<rlim_t>(before.rlim_max, rlim_t{1} << 60), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_DATA, &now), 0);
  const auto pages_used = (now.rlim_cur - 40'000) / page;
  file("proc/self/statm", "0 1 1 1 0 " + std::to_string(pages_used) + " 0\n");
  EXPECT_EQ(available(), static_cast<std::int64_t>(now.rlim_cur - pages_used * page));
  setrlimit(RLIMIT_DATA, &before);
}

TEST(AvailableMemoryOfThisMachine, IsKnown) {
  EXPECT_GT(available_host_bytes(), 1 << 20);
}

}  // namespace
}  // namespace drift
