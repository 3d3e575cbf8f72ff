#include "train/checkpoint/checkpoint.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "comm/job.h"
#include "core/thread_team.h"
#include "tests/comm/loopback.h"
#include "tests/support/checkpoint_error.h"
#include "tests/support/error_of.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "tests/train/tiny_model.h"
#include "train/checkpoint/mean_state.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::expect_checkpoint_error;
using testing::expect_output_error;
using testing::file_text;
using testing::set_file_text;

constexpr const char* kModel = "tiny norm=batch classes=2";

class CheckpointTest : public ::testing::Test {
 protected:
  // Two workers; all their floats depend on `start`.
  Checkpoint checkpoint(Step step, float start = 1) {
    Checkpoint result{{.step = step, .workers = 2, .config_toml = "name = \"größe\"\n", .model = kModel}, {}};
    for (int worker = 0; worker < 2; ++worker) {
      ReplicaState state{arena(model_.set.values()), arena(model_.set.momentum()), arena(model_.set.buffers()),
                         arena(model_.set.values()), arena(model_.set.values())};
      for (auto* values : arenas_of(state)) {
        for (float& value : *values) value = start++;
      }
      result.workers.push_back(state);
    }
    return result;
  }

  fs::path write(Step step, int keep = 0, float start = 1) {
    return write_checkpoint(ckpt(), checkpoint(step, start), alone_, model_.model, *model_.backend, keep);
  }

  std::set<std::string> names() const {
    std::set<std::string> result;
    for (const auto& entry : fs::directory_iterator(ckpt())) result.insert(entry.path().filename());
    return result;
  }

  fs::path run() const { return directory_ / "läufe-π"; }
  fs::path ckpt() const { return run() / "ckpt"; }

  testing::TempDirectory directory_;
  testing::TinyModel model_;
  const Membership alone_ = Membership::alone(2);

 private:
  static std::vector<float> arena(std::span<const float> values) { return std::vector<float>(values.size()); }
};

TEST_F(CheckpointTest, RoundTrips) {
  model_.fill(5);
  const Checkpoint written = checkpoint(7);
  const fs::path directory = write(7);
  EXPECT_EQ(directory, ckpt() / "step-7");
  const Checkpoint read = read_checkpoint(directory);
  EXPECT_EQ(read.meta, written.meta);
  EXPECT_EQ(read.workers, written.workers);
  testing::TinyModel model;
  read_weights(directory / "model.safetensors", model.model, *model.backend);
  EXPECT_EQ(model.contents(), model_.contents());
  EXPECT_EQ(names(), (std::set<std::string>{"step-7"}));
}

TEST_F(CheckpointTest, SaysWhatItsRunWasTrainedOnAndComputedWith) {
  Checkpoint written = checkpoint(7);
  written.meta.provisional = true;
  written.meta.steps_per_epoch = 12;
  written.meta.data = "shapes: 512 images";
  written.meta.conditions = {{"device", "cpu"}, {"threads per worker", "2"}};
  write_checkpoint(ckpt(), written, alone_, model_.model, *model_.backend, 0);
  EXPECT_EQ(look_at_checkpoint(run()).meta, written.meta);
}

TEST_F(CheckpointTest, TheMeanOfItsStatesIsRoundedOnce) {
  Checkpoint written = checkpoint(7);
  const float big = 16777216;  // 2^24: behind it float32 has even numbers only
  written.workers[0].momentum[0] = big;
  written.workers[1].momentum[0] = big + 2;
  written.workers[0].values[1] = written.workers[1].values[1] = 0.1F;
  write_checkpoint(ckpt(), written, alone_, model_.model, *model_.backend, 0);
  const ReplicaState mean = read_mean_state(run());
  EXPECT_EQ(mean.values[1], 0.1F);
  EXPECT_EQ(mean.momentum[0], big) << "big + 1, to even";
  for (std::size_t i = 0; i < mean.buffers.size(); ++i) {
    EXPECT_EQ(mean.buffers[i], (written.workers[0].buffers[i] + written.workers[1].buffers[i]) / 2);
  }
}

// Processes that are threads. Each writes and reads what is its own.
TEST_F(CheckpointTest, OneOfATeamIsThatOfOneProcess) {
  const fs::path directory = write(7);
  const auto mail = std::make_shared<testing::Mailboxes>(2);
  ThreadTeam("the processes", 2, [&](int process, const std::stop_token&) {
    const Job job = join_job(std::make_shared<testing::Loopback>(mail, process), {});
    const Membership membership = job.team_of(2);
    Checkpoint part = checkpoint(7);
    part.workers = {part.workers[static_cast<std::size_t>(process)]};
    const fs::path written =
        write_checkpoint(run() / "team", part, membership, model_.model, *testing::TinyModel().backend, 0);
    EXPECT_EQ(written, run() / "team" / "step-7");
    job.control->gather("written", "");
    EXPECT_EQ(read_checkpoint(directory, membership.team).workers, part.workers);
    Checkpoint other = part;
    other.meta.step = 8 + process;
    const Error error = testing::error_of(
        [&] { write_checkpoint(run() / "team", other, membership, model_.model, *testing::TinyModel().backend, 0); });
    EXPECT_EQ(error.kind(), ErrorKind::kComm);
    EXPECT_NE(error.message().find("process 1 has another state at the checkpoint than process 0: 'step 9"),
              std::string::npos)
        << error.message();
  });
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    EXPECT_EQ(file_text(run() / "team" / "step-7" / name), file_text(entry.path())) << name;
  }
}

TEST_F(CheckpointTest, NewestIsByNumber) {
  write(9);
  write(10);
  for (const fs::path& path : {run(), run() / "", ckpt(), ckpt() / "step-10", ckpt() / "step-10" / ""}) {
    EXPECT_EQ(find_checkpoint(path), ckpt() / "step-10") << path;
  }
  EXPECT_EQ(read_checkpoint(run()).meta.step, 10);
  EXPECT_EQ(read_checkpoint(ckpt() / "step-9").meta.step, 9);
}

TEST_F(CheckpointTest, ARunHasThoseOfTwoDirectories) {
  const auto write_best = [&](Step step) {
    write_checkpoint(run() / "best", checkpoint(step), alone_, model_.model, *model_.backend, 1);
  };
  write_best(9);
  EXPECT_EQ(find_checkpoint(run()), run() / "best/step-9");
  write(5);
  EXPECT_EQ(find_checkpoint(run()), run() / "best/step-9");
  EXPECT_EQ(find_checkpoint(ckpt()), ckpt() / "step-5");
  fs::rename(run() / "best/step-9/meta.json", run() / "meta.json");
  expect_checkpoint_error([&] { read_checkpoint(run() / "best/step-9"); },
                          {"best/step-9/meta.json", "The checkpoint before it is " + (ckpt() / "step-5").string()});
  fs::rename(run() / "meta.json", run() / "best/step-9/meta.json");
  write(9);
  write(11);
  const std::vector<fs::path> all = {ckpt() / "step-5", run() / "best/step-9", ckpt() / "step-9", ckpt() / "step-11"};
  EXPECT_EQ(checkpoints_in(run()), all);
  EXPECT_EQ(checkpoints_in(run() / "best"), (std::vector<fs::path>{run() / "best/step-9"}));
  EXPECT_EQ(checkpoints_in(ckpt() / "step-5" / ""), (std::vector<fs::path>{ckpt() / "step-5"}));
  EXPECT_EQ(checkpoints_in(run() / "none"), std::vector<fs::path>{});
}

TEST_F(CheckpointTest, NothingThereIsAnError) {
  expect_checkpoint_error([&] { read_checkpoint(run()); }, {"läufe-π", "no checkpoint there"});
  fs::create_directories(ckpt() / "step-08");  // not a name that we write
  expect_checkpoint_error([&] { read_checkpoint(run()); }, {"ckpt", "expected directories step-<n>"});
}

TEST_F(CheckpointTest, KeepsTheNewest) {
  for (const Step step : {1, 2, 10}) write(step, 2);
  EXPECT_EQ(names(), (std::set<std::string>{"step-2", "step-10"}));
  write(11, 1);
  EXPECT_EQ(names(), (std::set<std::string>{"step-11"}));
  write(12, 0);
  EXPECT_EQ(names(), (std::set<std::string>{"step-11", "step-12"}));
}

TEST_F(CheckpointTest, LaterStepsAreNotTouchedAndTheOneWrittenStays) {
  write(20);
  write(30);
  write(25, 1);
  EXPECT_EQ(names(), (std::set<std::string>{"step-25", "step-30"}));
}

TEST_F(CheckpointTest, LaterOnesStepAsideWhereARunGoesOn) {
  for (const Step step : {5, 7, 9}) write(step);
  set_aside_later(ckpt(), 5);
  EXPECT_EQ(names(), (std::set<std::string>{"step-5", "step-7.superseded", "step-9.superseded"}));
  EXPECT_EQ(read_checkpoint(run()).meta.step, 5);
  write(7);
  set_aside_later(ckpt(), 5);
  EXPECT_EQ(names(),
            (std::set<std::string>{"step-5", "step-7.superseded", "step-7.superseded-2", "step-9.superseded"}));
  EXPECT_NO_THROW(set_aside_later(run() / "none", 5));
}

TEST_F(CheckpointTest, TheSameStepIsReplaced) {
  write(5, 0, 1);
  write(5, 0, 1000);
  EXPECT_EQ(read_checkpoint(run()).workers, checkpoint(5, 1000).workers);
  EXPECT_EQ(names(), (std::set<std::string>{"step-5"}));
}

TEST_F(CheckpointTest, EveryChangedByteOfEveryFileIsAnError) {
  const fs::path directory = write(7);
  for (const char* name : {"meta.json", "model.safetensors", "worker-0.state", "worker-1.state"}) {
    const std::string whole = file_text(directory / name);
    for (std::size_t position = 0; position < whole.size(); ++position) {
      std::string text = whole;
      text[position] = static_cast<char>(text[position] ^ (1 << (position % 8)));
      set_file_text(directory / name, text);
      expect_checkpoint_error([&] { read_checkpoint(directory); }, {name},
                              std::string(name) + std::to_string(position));
    }
    set_file_text(directory / name, whole);
  }
  EXPECT_NO_THROW(read_checkpoint(directory));
}

TEST_F(CheckpointTest, EveryTruncationAndEveryMissingFileIsAnError) {
  const fs::path directory = write(7);
  for (const char* name : {"meta.json", "model.safetensors", "worker-0.state", "worker-1.state"}) {
    const std::string whole = file_text(directory / name);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      set_file_text(directory / name, whole.substr(0, length));
      expect_checkpoint_error([&] { read_checkpoint(directory); }, {name}, std::string(name) + std::to_string(length));
    }
    set_file_text(directory / name, whole + "x");
    expect_checkpoint_error([&] { read_checkpoint(directory); }, {name}, name);
    fs::remove(directory / name);
    expect_checkpoint_error([&] { read_checkpoint(directory); }, {name, "No such file"});
    set_file_text(directory / name, whole);
  }
}

TEST_F(CheckpointTest, SoundFilesOfOthersAreFoundOut) {
  const fs::path directory = write(7);
  const fs::path other =
      write_checkpoint(directory_ / "other", checkpoint(7, 1000), alone_, model_.model, *model_.backend, 0);
  fs::copy_file(other / "worker-1.state", directory / "worker-1.state", fs::copy_options::overwrite_existing);
  expect_checkpoint_error([&] { read_checkpoint(directory); }, {"worker-1.state", "checksum"});
  fs::copy_file(directory / "worker-0.state", directory / "worker-1.state", fs::copy_options::overwrite_existing);
  expect_checkpoint_error([&] { read_checkpoint(directory); }, {"worker-1.state", "holds worker 0 at step 7"});

  fs::rename(other, ckpt() / "step-8");
  expect_checkpoint_error([&] { read_checkpoint(run()); }, {"step-8/meta.json", "holds step 7"});
  set_file_text(ckpt() / "step-8" / "meta.json", R"({"contents":{"format":"another tool's"}})");
  expect_checkpoint_error([&] { read_checkpoint(run()); }, {"format 'another tool's', expected 'drift checkpoint'"});
  set_file_text(ckpt() / "step-8" / "meta.json", "[1]");
  expect_checkpoint_error([&] { read_checkpoint(run()); }, {"not a Drift checkpoint"});
}

TEST_F(CheckpointTest, ADamagedNewestNamesTheOlderOneWhichIsStillGood) {
  write(7);
  const fs::path newest = write(8);
  set_file_text(newest / "worker-1.state", "");
  expect_checkpoint_error([&] { read_checkpoint(run()); }, {"step-8/worker-1.state: truncated: 0 bytes",
                                                            "before it is " + (ckpt() / "step-7").string()});
  EXPECT_EQ(read_checkpoint(ckpt() / "step-7").meta.step, 7);
}

TEST_F(CheckpointTest, AWriterThatCrashedLeavesTheOlderOneAndIsCleanedUpAfter) {
  const fs::path older = write(7);
  fs::copy(older, ckpt() / ".step-8.partial");
  fs::remove(ckpt() / ".step-8.partial" / "meta.json");
  EXPECT_EQ(read_checkpoint(run()).meta.step, 7);
  write(9);
  EXPECT_EQ(names(), (std::set<std::string>{"step-7", "step-9"}));
}

// A crash between the two renames of a file system that cannot exchange.
TEST_F(CheckpointTest, OneThatSteppedAsideIsReadAndPutBack) {
  write(7);
  fs::rename(write(8), ckpt() / ".step-8.replaced");
  fs::copy(ckpt() / ".step-8.replaced", ckpt() / ".step-8.partial");
  EXPECT_EQ(read_checkpoint(run()).meta.step, 8);
  write(9);
  EXPECT_EQ(names(), (std::set<std::string>{"step-7", "step-8", "step-9"}));
  fs::copy(ckpt() / "step-8", ckpt() / ".step-8.replaced");
  write(10);
  EXPECT_EQ(names(), (std::set<std::string>{"step-10", "step-7", "step-8", "step-9"}));
}

TEST_F(CheckpointTest, AFullDiskIsAnErrorAndLeavesTheOlderOnes) {
  write(7);
  for (const rlim_t bytes : {0, 47, 100, 700}) {
    const testing::FullDisk full(bytes);
    expect_output_error([&] { write(8, 1); }, {".step-8.partial", "File too large"});
  }
  EXPECT_EQ(names(), (std::set<std::string>{"step-7"}));
  EXPECT_EQ(read_checkpoint(run()).workers, checkpoint(7).workers);
}

TEST_F(CheckpointTest, APlaceThatCannotBeMadeIsAnError) {
  set_file_text(directory_ / "file", "in the way");
  expect_output_error(
      [&] { write_checkpoint(directory_ / "file" / "ckpt", checkpoint(1), alone_, model_.model, *model_.backend, 0); },
      {"file", "cannot be created"});
}

TEST_F(CheckpointTest, ConfigThatIsNoTextIsAnError) {
  Checkpoint odd = checkpoint(1);
  odd.meta.config_toml = "data = \"\xff\"";
  expect_checkpoint_error([&] { write_checkpoint(ckpt(), odd, alone_, model_.model, *model_.backend, 0); }, {"UTF-8"});
  EXPECT_EQ(names(), std::set<std::string>{});
}

TEST_F(CheckpointTest, OtherModelsWorkersAndArenasDoNotFit) {
  Checkpoint read = checkpoint(7);
  EXPECT_NO_THROW(check_fits(read, kModel, alone_.team, model_.set));
  expect_checkpoint_error([&] { check_fits(read, "resnet56", alone_.team, model_.set); },
                          {kModel, "the run has 'resnet56'"});
  expect_checkpoint_error([&] { check_fits(read, kModel, {.workers = 4}, model_.set); },
                          {"has 2 workers, the run has 4"});
  read.workers[1].momentum.pop_back();
  expect_checkpoint_error([&] { check_fits(read, kModel, alone_.team, model_.set); },
                          {"worker 1", "floats of momentum"});
}

}  // namespace
}  // namespace drift
