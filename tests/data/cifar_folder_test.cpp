// CIFAR-10 as an image folder of PNG files: the batches of the binary version, bit for bit.
#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

#include "data/open_data.h"
#include "data/plain_batches.h"
#include "tests/support/cifar_pair.h"
#include "tests/support/prepare_batch.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

class CifarFolder : public ::testing::Test {
 protected:
  CifarFolder() {
    testing::write_cifar_pair(directory_.path(), /*train=*/4, /*test=*/3);
    binary_ = open("cifar10", "binary");
    folder_ = open("imagefolder", "folder", {.side = 32, .short_side = 32});
  }
  DataSource open(const std::string& kind, const std::string& name, const ImageOptions& images = {}) const {
    return open_data(kind + ":" + (directory_ / name).string(), 1, images);
  }

  const testing::TempDirectory directory_;
  DataSource binary_, folder_;
};

TEST_F(CifarFolder, TrainsOnTheSameBatches) {
  const Sampler sampler({.seed = testing::seed(), .dataset_size = 40, .workers = 2, .local_batch = 5});
  for (const Augmentation augmentation : {Augmentation::kPadCropFlip, Augmentation::kNone}) {
    for (const int worker : {0, 1}) {
      const LoaderConfig config{.worker = worker, .augmentation = augmentation};
      for (std::int64_t step = 0; step < 9; ++step) {
        Batch of_binary, of_folder;
        testing::prepare_batch(*binary_.train, sampler, config, step, of_binary);
        testing::prepare_batch(*folder_.train, sampler, config, step, of_folder);
        ASSERT_EQ(of_binary.images.size(), 5u * 3072u);
        EXPECT_EQ(of_binary.images, of_folder.images) << "step " << step;
        EXPECT_EQ(of_binary.labels, of_folder.labels) << "step " << step;
        ASSERT_EQ(of_binary.crops.size(), of_folder.crops.size());
        for (std::size_t i = 0; i < of_binary.crops.size(); ++i) {
          EXPECT_EQ(of_binary.crops[i].dy, of_folder.crops[i].dy);
          EXPECT_EQ(of_binary.crops[i].dx, of_folder.crops[i].dx);
          EXPECT_EQ(of_binary.crops[i].flip, of_folder.crops[i].flip);
        }
      }
    }
  }
}

TEST_F(CifarFolder, EvaluatesTheSameImages) {
  ASSERT_EQ(folder_.test->size(), 30);
  std::vector<std::uint8_t> of_binary(3072), of_folder(3072);
  for (std::int64_t i = 0; i < 30; ++i) {
    binary_.test->read_image(i, of_binary);
    folder_.test->read_image(i, of_folder);
    EXPECT_EQ(of_binary, of_folder) << "image " << i;
    EXPECT_EQ(binary_.test->label(i), folder_.test->label(i));
  }
  EXPECT_TRUE(std::ranges::equal(binary_.test->class_names(), folder_.test->class_names()));
}

// By default they would be enlarged before the middle is cut out.
TEST_F(CifarFolder, NeedsToBeToldTheSizeForEvaluation) {
  const DataSource enlarged = open("imagefolder", "folder", {.side = 32});
  std::vector<std::uint8_t> plain(3072), cut(3072);
  folder_.test->read_image(0, plain);
  enlarged.test->read_image(0, cut);
  EXPECT_NE(plain, cut);
}

}  // namespace
}  // namespace drift
