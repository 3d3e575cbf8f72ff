// Who may write into a run directory: one at a time, a new run, or the same one that never came to a checkpoint.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <future>
#include <gtest/gtest.h>
#include <set>
#include <sys/file.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "core/thread_team.h"
#include "tests/support/error_of.h"
#include "tests/support/temp_directory.h"
#include "train/config/toml.h"
#include "train/runs/run_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

using testing::error_of;

RunDescription description(int workers = 2) {
  TrainConfig config;
  config.sync.workers = workers;
  return {.config = config, .command = "drift train"};
}

std::string refusal(const fs::path& path, const RunDescription& run) {
  const Error error = error_of([&] { RunDirectory::create(path, run); });
  EXPECT_EQ(error.kind(), ErrorKind::kUsage);
  return error.message();
}

void leave_file(const fs::path& path) {
  std::ofstream(path) << "x";
}

TEST(DirectoryLock, NamesItsHolder) {
  const testing::TempDirectory directory;
  {
    const DirectoryLock lock(directory.path());
    const Error error = error_of([&] { DirectoryLock(directory.path()); });
    EXPECT_EQ(error.kind(), ErrorKind::kUsage);
    EXPECT_NE(error.message().find(fmt::format("is in use by process {} on ", ::getpid())), std::string::npos)
        << error.message();
  }
  EXPECT_TRUE(fs::is_empty(directory.path()));
  EXPECT_NO_THROW(DirectoryLock(directory.path()));
}

// Whoever comes between the holder's lock and the writing of its name waits for the name.
TEST(DirectoryLock, WaitsForTheNameOfItsHolder) {
  const testing::TempDirectory directory;
  const fs::path path = directory / DirectoryLock::kFile;
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(::flock(file, LOCK_EX | LOCK_NB), 0);
  auto refusal =
      std::async(std::launch::async, [&] { return error_of([&] { DirectoryLock(directory.path()); }).message(); });
  const auto times_open = [&] {
    return std::ranges::count_if(fs::directory_iterator("/proc/self/fd"), [&](const fs::directory_entry& entry) {
      std::error_code gone;
      return fs::read_symlink(entry.path(), gone) == path;
    });
  };
  while (times_open() < 2 && refusal.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    std::this_thread::yield();
  }
  EXPECT_EQ(::write(file, "someone", 7), 7);
  EXPECT_NE(refusal.get().find("is in use by someone"), std::string::npos);
  ::close(file);
}

TEST(DirectoryLock, OfADeadHolderIsFree) {
  const testing::TempDirectory directory;
  const pid_t child = ::fork();
  if (child == 0) {
    auto* const held = new DirectoryLock(directory.path());  // never destroyed
    ::_exit(held == nullptr ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_TRUE(fs::exists(directory / DirectoryLock::kFile));
  EXPECT_NO_THROW(DirectoryLock(directory.path()));
}

TEST(DirectoryClaim, OfManyThatStartAtOnceOneGetsTheDirectory) {
  const testing::TempDirectory directory;
  std::atomic<int> got = 0, refused = 0;
  std::vector<std::unique_ptr<RunDirectory>> runs(8);
  ThreadTeam("the starts", 8, [&](int start, const std::stop_token&) {
    try {
      runs[static_cast<std::size_t>(start)] = RunDirectory::create(directory / "run", description());
      ++got;
    } catch (const Error&) {
      ++refused;
    }
  });
  EXPECT_EQ(got, 1);
  EXPECT_EQ(refused, 7);
}

TEST(DirectoryClaim, DefaultNamesOfOneSecondDiffer) {
  const testing::TempDirectory directory;
  const fs::path before = fs::current_path();
  fs::current_path(directory.path());
  std::set<fs::path> paths;
  std::vector<std::unique_ptr<RunDirectory>> runs;
  for (int i = 0; i < 5; ++i) {
    runs.push_back(RunDirectory::create("", description()));
    paths.insert(runs.back()->path());
  }
  fs::current_path(before);
  EXPECT_EQ(paths.size(), 5u);
}

TEST(DirectoryClaim, ARunWithoutACheckpointStartsAgainByTheSameCommand) {
  const testing::TempDirectory directory;
  const fs::path path = directory / "run";
  RunDirectory::create(path, description())->step({.loss = 1});
  fs::create_directories(path / "ckpt/.step-3.partial");
  leave_file(path / ".summary.json.partial");
  leave_file(path / ".process-0");
  EXPECT_NE(refusal(path, description(4)).find("has a run of another configuration in it"), std::string::npos);
  RunDirectory::create(path, description());
  EXPECT_EQ(read_json_lines(path / "metrics.jsonl").size(), 1u);  // that it begins
  EXPECT_FALSE(fs::exists(path / ".summary.json.partial"));
  fs::create_directories(path / "ckpt/step-3");
  EXPECT_NE(refusal(path, description()).find("has a run in it: --resume " + path.string()), std::string::npos);
}

TEST(DirectoryClaim, WhatIsThereIsNamed) {
  const testing::TempDirectory directory;
  leave_file(directory / "slurm-12.out");
  EXPECT_NE(refusal(directory.path(), description()).find("is not empty: there is slurm-12.out. Give another --out"),
            std::string::npos);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()), 1);
}

// What a power loss may leave of the metrics, or a hand that was in the file.
TEST(DirectoryClaim, MissingRecordsAreSaid) {
  const testing::TempDirectory directory;
  const fs::path path = directory / "run";
  {
    const auto run = RunDirectory::create(path, description());
    for (const Step step : {0, 1, 4, 5}) run->step({.step = step, .loss = 1});
    run->make_durable();
  }
  const auto said = [&](Step resumed) {
    ::testing::internal::CaptureStderr();
    RunDirectory::reopen(path, description(), resumed);
    return ::testing::internal::GetCapturedStderr();
  };
  const std::string text = said(9);
  EXPECT_NE(text.find("metrics.jsonl has no records of steps 2 to 3:"), std::string::npos) << text;
  EXPECT_NE(text.find("metrics.jsonl has no records of steps 6 to 8:"), std::string::npos) << text;
  EXPECT_EQ(said(2), "");
}

}  // namespace
}  // namespace drift
