// Runs on an image folder, whose images are decoded while they train: the same bits however that is done.
#include <filesystem>
#include <gtest/gtest.h>

#include "tests/apps/program.h"
#include "tests/apps/run_files.h"
#include "tests/apps/tiny_run.h"
#include "tests/support/cifar_pair.h"
#include "tests/support/drawn_images.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;
using Arguments = std::vector<std::string>;

// 24 images make 3 steps of 2 workers with 4 images each; a checkpoint after 2, 4, 6, 8 and 10.
class ImageFolderRun : public ::testing::Test {
 protected:
  ImageFolderRun() { draw_image_folder(directory_ / "data", /*train=*/12, /*val=*/5); }

  Arguments tiny(const fs::path& out, const Flags& more = {}) const {
    return train_with(more, {{"--model", "cifar-resnet8"},
                             {"--data", spec()},
                             {"--image-size", "24"},
                             {"--classes", "2"},
                             {"--steps", "10"},
                             {"--local-batch", "4"},
                             {"--workers", "2"},
                             {"--bn-stats", "reestimate:2"},
                             {"--eval-batch", "4"},
                             {"--val-split", "4"},
                             {"--steps-per-epoch", "2"},
                             {"--checkpoint-every", "1"},
                             {"--keep-checkpoints", "0"},
                             {"--threads", "1"},
                             {"--out", out.string()}});
  }
  std::string spec() const { return "imagefolder:" + (directory_ / "data").string(); }
  void train(const fs::path& run, const Flags& more = {}) const {
    const Outcome outcome = run_drift(tiny(run, more));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }

  const TempDirectory directory_;
};

TEST_F(ImageFolderRun, HasTheSameBitsForAnyNumberOfDecodingThreads) {
  train(directory_ / "none", {{"--loader-threads", "0"}});
  for (const char* threads : {"1", "4"}) {
    train(directory_ / threads, {{"--loader-threads", threads}});
    expect_same_run(directory_ / "none", directory_ / threads, 10);
  }
}

TEST_F(ImageFolderRun, GoesOnInTheMiddleOfAnEpoch) {
  train(directory_ / "whole", {{"--steps-per-epoch", "3"}, {"--val-split", "0"}, {"--checkpoint-every", "0.67"}});
  fs::copy(directory_ / "whole", directory_ / "part", fs::copy_options::recursive);
  ASSERT_TRUE(fs::exists(directory_ / "part/ckpt/step-4"));
  for (const char* later : {"step-6", "step-8", "step-10"}) fs::remove_all(directory_ / "part/ckpt" / later);
  const Outcome resumed = run_drift({"train", "--resume", (directory_ / "part").string()});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  expect_same_run(directory_ / "whole", directory_ / "part", 10);
}

TEST_F(ImageFolderRun, ABadImageEndsItOrIsLeftOut) {
  set_file_text(directory_ / "data/train/red/3.jpg", "not an image");
  set_file_text(directory_ / "data/val/blue/0.jpg", "");
  const Outcome failed = run_drift(tiny(directory_ / "failed"));
  EXPECT_EQ(failed.exit_code, 4) << failed.err;
  EXPECT_NE(failed.err.find(".jpg: "), std::string::npos) << failed.err;
  EXPECT_NE(failed.err.find("--bad-images skip"), std::string::npos) << failed.err;

  const Outcome skipped = run_drift(tiny(directory_ / "skipped", {{"--bad-images", "skip"}}));
  ASSERT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_NE(skipped.err.find("val/blue/0.jpg: "), std::string::npos) << skipped.err;
  EXPECT_NE(skipped.out.find("/9"), std::string::npos) << "of 10 test images: " << skipped.out;
}

TEST_F(ImageFolderRun, IsMeasuredByEvalAsByTrain) {
  train(directory_ / "run");
  const Outcome measured = run_drift({"eval", (directory_ / "run").string(), "--json"});
  ASSERT_EQ(measured.exit_code, 0) << measured.err;
  const Json result = Json::parse(measured.out), summary = Json::parse(bytes_of(directory_ / "run/summary.json"));
  EXPECT_EQ(result.at("total"), 10);
  EXPECT_EQ(result.at("correct"), summary.at("correct"));
}

// Images that are small enough keep their pixels, so a run has the same bits with them.
TEST_F(ImageFolderRun, HasTheSameBitsFromAPackedSet) {
  const std::string packed = (directory_ / "packed").string();
  const Outcome pack = run_drift({"data", "pack", spec(), packed, "--encode", "raw", "--threads", "2"});
  ASSERT_EQ(pack.exit_code, 0) << pack.err;
  EXPECT_NE(pack.out.find("train.pack: 24 images of 2 classes"), std::string::npos) << pack.out;
  EXPECT_NE(pack.out.find("val.pack: 10 images of 2 classes"), std::string::npos) << pack.out;
  train(directory_ / "folder");
  train(directory_ / "run", {{"--data", "packed:" + packed}});
  expect_same_run(directory_ / "folder", directory_ / "run", 10);

  const Outcome again = run_drift({"data", "pack", spec(), packed, "--encode", "raw"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_NE(again.out.find("24 were there already"), std::string::npos) << again.out;
  EXPECT_EQ(run_drift({"data", "pack", spec(), packed}).exit_code, 2) << "another encoding";
  EXPECT_EQ(run_drift({"data", "pack", spec(), packed, "--encode", "jpeg:0"}).exit_code, 2);

  EXPECT_EQ(run_drift({"data", "verify", packed}).exit_code, 0);
  flip_middle_bit(directory_ / "packed/val.pack");
  const Outcome damaged = run_drift({"data", "verify", packed});
  EXPECT_EQ(damaged.exit_code, 4) << damaged.err;
  EXPECT_NE(damaged.err.find("val.pack: damaged: image "), std::string::npos) << damaged.err;
}

TEST_F(ImageFolderRun, OfCifarAsPngFilesHasTheBitsOfItsBinaryVersion) {
  write_cifar_pair(directory_ / "pair", /*train=*/4, /*test=*/3);
  const Flags cifar = {
      {"--data", "cifar10:" + (directory_ / "pair/binary").string()}, {"--image-size", "32"}, {"--classes", "10"}};
  Flags folder = cifar;
  folder["--data"] = "imagefolder:" + (directory_ / "pair/folder").string();
  folder.insert({{"--eval-resize", "32"}, {"--augment", "pad-crop-flip"}, {"--normalisation", "cifar10"}});
  train(directory_ / "binary", cifar);
  train(directory_ / "folder", folder);
  expect_same_run(directory_ / "binary", directory_ / "folder", 10);
}

TEST_F(ImageFolderRun, IsShownByTheToolsForData) {
  const Outcome info = run_drift({"data", "info", "--data", spec(), "--image-size", "24", "--json"});
  ASSERT_EQ(info.exit_code, 0) << info.err;
  const Json shown = Json::parse(info.out);
  EXPECT_EQ(shown.at("image"), "[24,24,3]");
  EXPECT_EQ(shown.at("train").at("per_class"), Json({12, 12}));
  const fs::path sheet = directory_ / "sheet.png";
  const Outcome preview =
      run_drift({"data", "preview", "--data", spec(), "--image-size", "24", "--augmented", "--out", sheet.string()});
  ASSERT_EQ(preview.exit_code, 0) << preview.err;
  EXPECT_GT(fs::file_size(sheet), 1000u);
}

}  // namespace
}  // namespace drift::testing
