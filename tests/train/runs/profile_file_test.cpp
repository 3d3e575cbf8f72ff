// What a profile says is what is read back, a killed writer's too; what is damaged is named.
#include "train/runs/profile_file.h"

#include <fstream>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temp_directory.h"
#include "tests/train/config/settings.h"

namespace drift {
namespace {

using testing::contains;
using testing::error_of;

ProfileSession some_session(std::int64_t number = 0) {
  return {.number = number,
          .process = 1,
          .processes = 2,
          .first_step = 8,
          .time = "2026-01-31T12:00:00Z",
          .host = "here",
          .model = "resnet20",
          .workers = 4,
          .local_batch = 32,
          .every = 3,
          .worker_threads = 2,
          .workers_at_once = 1,
          .rates = {.memory = {{1000, 4e9}, {2000, 1e9}}, .multiply_adds = 5e9}};
}

ProfiledStep some_step(std::int64_t op) {
  return {.step = 9,
          .worker = 3,
          .sync = Sync::kParameters,
          .period = 4,
          .first = true,
          .begin = 123456789012345,
          .duration = 5000,
          .calls = {{.op = op, .time = {10, 30}}, {.op = op, .time = {40, 45}}},
          .parts = {{.name = "forward", .time = {5, 50}}},
          .waits = {{.ready = 60, .time = {70, 100}, .elements = 7, .bytes = 28, .means = {{61, 65}, {65, 90}}}}};
}

class ProfileFileTest : public ::testing::Test {
 protected:
  void append(const std::string& text) const { std::ofstream(path_, std::ios::app) << text; }
  std::string error() const {
    return error_of([&] { read_profile_file(path_); }).message();
  }

  const testing::TempDirectory directory_;
  const std::filesystem::path path_ = directory_ / "process-1.jsonl";
};

TEST_F(ProfileFileTest, ReadsBackWhatWasWritten) {
  {
    ProfileFile file(path_, some_session());
    const ProfiledOp op{.op = "fill", .part = "forward", .layer = "conv1", .bytes = 24, .multiply_adds = 6};
    EXPECT_EQ(file.id_of(op), 0);
    EXPECT_EQ(file.id_of({.op = "fill", .part = "forward", .layer = "conv2", .bytes = 24}), 1);
    EXPECT_EQ(file.id_of(op), 0);
    file.write(some_step(1));
    file.write({.op = 1, .worker = 3, .name = "void f<int>()", .launches = 5, .duration = 7000});
    file.add({.recording_seconds = 0.5, .step_seconds = 40, .steps = 2, .recorded = 1});
    file.add({.recording_seconds = 0.5, .step_seconds = 60, .steps = 2});
    file.write_end();
  }
  const std::vector<RecordedSession> read = read_profile_file(path_);
  ASSERT_EQ(read.size(), 1u);
  const ProfileSession& session = read[0].session;
  EXPECT_EQ(session.process, 1);
  EXPECT_EQ(session.first_step, 8);
  EXPECT_EQ(session.model, "resnet20");
  EXPECT_EQ(session.every, 3);
  EXPECT_EQ(session.rates.memory.at(1).per_second, 1e9);
  EXPECT_EQ(session.rates.multiply_adds, 5e9);
  ASSERT_EQ(read[0].ops.size(), 2u);
  EXPECT_EQ(read[0].ops[0].multiply_adds, 6);
  EXPECT_EQ(read[0].ops[1].layer, "conv2");
  ASSERT_EQ(read[0].kernels.size(), 1u);
  EXPECT_EQ(read[0].kernels[0].op, 1);
  EXPECT_EQ(read[0].kernels[0].worker, 3);
  EXPECT_EQ(read[0].kernels[0].name, "void f<int>()");
  EXPECT_EQ(read[0].kernels[0].launches, 5);
  EXPECT_EQ(read[0].kernels[0].duration, 7000);
  ASSERT_EQ(read[0].steps.size(), 1u);
  const ProfiledStep& step = read[0].steps[0];
  EXPECT_EQ(step.step, 9);
  EXPECT_EQ(step.worker, 3);
  EXPECT_EQ(step.sync, Sync::kParameters);
  EXPECT_EQ(step.period, 4);
  EXPECT_TRUE(step.first);
  EXPECT_EQ(step.begin, 123456789012345);
  ASSERT_EQ(step.calls.size(), 2u);
  EXPECT_EQ(step.calls[1].op, 1);
  EXPECT_EQ(step.calls[1].time.end, 45);
  EXPECT_EQ(step.parts.at(0).name, "forward");
  EXPECT_EQ(step.waits.at(0).ready, 60);
  EXPECT_EQ(step.waits.at(0).bytes, 28);
  EXPECT_EQ(step.waits.at(0).means.at(1).end, 90);
  ASSERT_TRUE(read[0].cost);
  EXPECT_EQ(read[0].cost->share(), 0.01);
  EXPECT_EQ(read[0].cost->steps, 4);
}

TEST_F(ProfileFileTest, GoesOnBehindAKilledWriter) {
  { ProfileFile file(path_, some_session(0)); }
  append(R"({"kind":"step","st)");
  EXPECT_EQ(read_profile_file(path_).size(), 1u) << "a torn line is left out";
  EXPECT_EQ(sessions_in(path_), 1);
  { ProfileFile file(path_, some_session(1)); }
  const std::vector<RecordedSession> read = read_profile_file(path_);
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[1].session.number, 1);
  EXPECT_FALSE(read[1].cost);
  EXPECT_EQ(sessions_in(path_), 2);
  EXPECT_EQ(sessions_in(directory_ / "absent"), 0);
}

TEST_F(ProfileFileTest, NamesTheLineThatIsWrong) {
  { ProfileFile file(path_, some_session()); }
  append("{\"kind\":\"op\",\"id\":0,\"op\":\"fill\"}\n");
  EXPECT_TRUE(contains(error(), "process-1.jsonl:2 is no line of a profile: ")) << error();
  { ProfileFile(directory_ / "b", some_session()).write(some_step(0)); }
  EXPECT_TRUE(contains(error_of([&] { read_profile_file(directory_ / "b"); }).message(),
                       "b:2 has operation 0, and no line before says what it is"));
  std::filesystem::remove(path_);
  append("{\"kind\":\"op\"}\n");
  EXPECT_TRUE(contains(error(), ":1 is a line of kind 'op' before the one that begins a session")) << error();
  std::filesystem::remove(path_);
  { ProfileFile file(path_, some_session()); }
  append("{\"kind\":\"steps\"}\n");
  EXPECT_TRUE(contains(error(), ":2 is a line of kind 'steps': session, op, step, kernel or end")) << error();
  std::filesystem::remove(path_);
  ProfileSession nobody = some_session();
  nobody.workers = 0;
  { ProfileFile file(path_, nobody); }
  EXPECT_TRUE(contains(error(), ":1: \"workers\" must be an integer from 1 to 1048576, and is 0")) << error();
}

TEST(MachineRates, AFloorIsOfTheSlowerOfMemoryOfThatSizeAndProducts) {
  const MachineRates rates = some_session().rates;
  EXPECT_DOUBLE_EQ(rates.floor_seconds(1000, 0), 1000 / 4e9);
  EXPECT_DOUBLE_EQ(rates.floor_seconds(1001, 0), 1001 / 1e9);
  EXPECT_DOUBLE_EQ(rates.floor_seconds(5000, 0), 5000 / 1e9) << "more than was measured";
  EXPECT_DOUBLE_EQ(rates.floor_seconds(1000, 5000), 1e-6);
}

}  // namespace
}  // namespace drift
