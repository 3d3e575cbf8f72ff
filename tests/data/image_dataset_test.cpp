// Images that are decoded when they are asked for, from a folder that is drawn here.
#include "data/image_dataset.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

#include "core/checked_file.h"
#include "data/fingerprint.h"
#include "data/loader.h"
#include "data/open_data.h"
#include "data/plain_batches.h"
#include "tests/data/data_support.h"
#include "tests/support/drawn_images.h"
#include "tests/support/file_damage.h"
#include "tests/support/prepare_batch.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::message_of;

class ImageDatasetTest : public ::testing::Test {
 protected:
  ImageDatasetTest() { testing::draw_image_folder(directory_.path(), /*train=*/6, /*val=*/4); }

  DataSource open(ImageOptions options = {.side = 16}) const {
    return open_data("imagefolder:" + directory_.path().string(), 1, options);
  }
  void damage(const std::string& file) const {
    std::string text = testing::file_text(directory_ / file);
    testing::set_file_text(directory_ / file, text.substr(0, text.size() / 2));
  }

  const testing::TempDirectory directory_;
};

Batch plain(const Dataset& dataset, std::int64_t size, std::int64_t number, int threads) {
  LoaderPool pool(threads);
  const PlainBatches batches(dataset, size);
  BatchesAhead ahead(batches, pool, number);
  return ahead.next();
}

TEST_F(ImageDatasetTest, IsTheFolderInItsOrder) {
  const DataSource data = open();
  EXPECT_EQ(data.name, "imagefolder");
  EXPECT_EQ(data.train->size(), 12);
  EXPECT_EQ(data.test->size(), 8);
  EXPECT_EQ(data.train->image_shape(), (Shape{16, 16, 3}));
  EXPECT_FALSE(data.train->in_memory());
  EXPECT_EQ(std::vector(data.test->class_names().begin(), data.test->class_names().end()),
            (std::vector<std::string>{"blue", "red"}));
  for (std::int64_t i = 0; i < 12; ++i) EXPECT_EQ(data.train->label(i), i / 6);
  EXPECT_EQ(open({}).train->image_shape(), (Shape{224, 224, 3}));

  std::vector<std::uint8_t> image(16 * 16 * 3), expected(16 * 16 * 3);
  EXPECT_TRUE(data.train->read_image(7, image));  // the second one of red: 7th of all, so a JPEG file
  Transform({.side = 16, .short_side = 18}).evaluation(testing::file_bytes(directory_ / "train/red/1.jpg"), expected);
  EXPECT_EQ(image, expected);
}

TEST_F(ImageDatasetTest, HasTheSameBatchesForAnyNumberOfThreads) {
  const DataSource data = open();
  const Sampler sampler({.seed = 3, .dataset_size = 12, .workers = 2, .local_batch = 3});
  const LoaderConfig config{.worker = 1, .augmentation = Augmentation::kAuto};
  for (const int threads : {0, 1, 4}) {
    LoaderPool pool(threads);
    Loader loader(*data.train, sampler, config, pool);
    loader.seek(5);
    for (std::int64_t step = 5; step < 15; ++step) {
      Batch expected;
      testing::prepare_batch(*data.train, sampler, config, step, expected);
      const Batch& batch = loader.next();
      ASSERT_EQ(batch.images, expected.images) << threads << " threads, step " << step;
      ASSERT_EQ(batch.labels, expected.labels);
      ASSERT_TRUE(batch.crops.empty());
    }
  }
}

TEST_F(ImageDatasetTest, AugmentationIsWhatWasChosen) {
  const DataSource data = open();
  const Sampler sampler({.sampling = Sampling::kSequential, .dataset_size = 12, .local_batch = 12});
  Batch none, padded, drawn;
  testing::prepare_batch(*data.train, sampler, {.augmentation = Augmentation::kNone}, 0, none);
  testing::prepare_batch(*data.train, sampler, {.augmentation = Augmentation::kPadCropFlip}, 0, padded);
  testing::prepare_batch(*data.train, sampler, {.augmentation = Augmentation::kResizedCropFlip}, 0, drawn);
  EXPECT_EQ(none.images, plain(*data.train, 12, 0, 0).images);
  EXPECT_TRUE(none.crops.empty());
  EXPECT_EQ(padded.images, none.images);
  EXPECT_EQ(padded.crops.size(), 12u);
  EXPECT_NE(drawn.images, none.images);

  const DataSource shapes = open_data("shapes:12:10", 1);
  testing::prepare_batch(*shapes.train, sampler, {.augmentation = Augmentation::kAuto}, 0, padded);
  EXPECT_EQ(padded.crops.size(), 12u);
  testing::prepare_batch(*shapes.train, sampler, {.augmentation = Augmentation::kResizedCropFlip}, 0, drawn);
  EXPECT_TRUE(drawn.crops.empty());
  EXPECT_NE(drawn.images, padded.images);
}

TEST_F(ImageDatasetTest, ABadImageIsAnErrorThatNamesIt) {
  damage("train/red/1.jpg");
  const DataSource data = open();
  std::vector<std::uint8_t> image(16 * 16 * 3);
  const std::string message = message_of(ErrorKind::kData, [&] { data.train->read_image(7, image); });
  EXPECT_TRUE(contains(message, "train/red/1.jpg: ")) << message;
  EXPECT_TRUE(contains(message, "cut off")) << message;
  EXPECT_TRUE(contains(message, "--bad-images skip")) << message;
  EXPECT_TRUE(data.train->read_image(8, image));
}

TEST_F(ImageDatasetTest, ASkippedImageGivesItsPlaceToTheNextInTraining) {
  damage("train/blue/5.png");
  damage("train/red/0.jpg");
  const DataSource data = open({.side = 16, .bad_images = BadImages::kSkip});
  const Sampler sampler({.sampling = Sampling::kSequential, .dataset_size = 12, .local_batch = 12});
  ::testing::internal::CaptureStderr();
  Batch batch;
  testing::prepare_batch(*data.train, sampler, {}, 0, batch);
  testing::prepare_batch(*data.train, sampler, {}, 1, batch);
  EXPECT_EQ(batch.indices, (std::vector<std::int64_t>{0, 1, 2, 3, 4, 7, 7, 7, 8, 9, 10, 11}));
  EXPECT_EQ(batch.labels, (std::vector<std::int32_t>{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(log.find("train/blue/5.png"), log.rfind("train/blue/5.png")) << "said once: " << log;
  EXPECT_TRUE(contains(log, "left out, 1 of 12 images so far")) << log;
  EXPECT_TRUE(contains(log, "left out, 2 of 12 images so far")) << log;
}

TEST_F(ImageDatasetTest, ASkippedImageIsMissingFromEvaluation) {
  damage("val/blue/1.jpg");
  const DataSource data = open({.side = 16, .bad_images = BadImages::kSkip});
  ::testing::internal::CaptureStderr();
  for (const int threads : {0, 2}) {
    const Batch batch = plain(*data.test, 3, 0, threads);
    EXPECT_EQ(batch.indices, (std::vector<std::int64_t>{0, 2}));
    EXPECT_EQ(batch.labels.size(), 2u);
    std::vector<std::uint8_t> image(16 * 16 * 3);
    data.test->read_image(2, image);
    EXPECT_EQ(std::vector(batch.images.begin() + 16 * 16 * 3, batch.images.end()), image);
  }
  EXPECT_EQ(plain(*data.test, 3, 2, 0).indices, (std::vector<std::int64_t>{6, 7}));
  ::testing::internal::GetCapturedStderr();
}

TEST_F(ImageDatasetTest, OnlyBadImagesAreAnError) {
  for (const char* name : {"blue", "red"}) {
    for (const auto& entry : fs::directory_iterator(directory_ / "train" / name)) {
      testing::set_file_text(entry.path(), "not an image");
    }
  }
  const DataSource data = open({.side = 16, .bad_images = BadImages::kSkip});
  const Sampler sampler({.dataset_size = 12, .local_batch = 2});
  Batch batch;
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(contains(
      message_of(ErrorKind::kData, [&] { testing::prepare_batch(*data.train, sampler, {}, 0, batch); }), "none of 12"));
  ::testing::internal::GetCapturedStderr();
}

TEST_F(ImageDatasetTest, AFileThatIsGoneIsAnErrorAnyway) {
  const DataSource data = open({.side = 16, .bad_images = BadImages::kSkip});
  fs::remove(directory_ / "train/blue/0.jpg");
  std::vector<std::uint8_t> image(16 * 16 * 3);
  const std::string message = message_of(ErrorKind::kData, [&] { data.train->read_image(0, image); });
  EXPECT_TRUE(contains(message, "train/blue/0.jpg")) << message;
}

// Without decoding any of them: one is damaged.
TEST_F(ImageDatasetTest, IsIdentifiedByNamesAndLabels) {
  const std::string before = fingerprint(open());
  damage("train/red/1.jpg");
  EXPECT_EQ(fingerprint(open()), before);
  fs::rename(directory_ / "train/red/1.jpg", directory_ / "train/red/11.jpg");
  EXPECT_NE(fingerprint(open()), before);
}

TEST_F(ImageDatasetTest, SizesThatImagesCannotHaveAreRefused) {
  EXPECT_TRUE(contains(message_of(ErrorKind::kUsage, [&] { open({.side = 64, .short_side = 63}); }),
                       "--eval-resize 63 is less than --image-size 64"));
  EXPECT_EQ(open({.side = 64, .short_side = 64}).train->image_shape(), (Shape{64, 64, 3}));
  const auto shapes = [](const ImageOptions& options) { open_data("shapes:20:10", 1, options); };
  EXPECT_NO_THROW(shapes({.side = 32}));
  EXPECT_TRUE(contains(message_of(ErrorKind::kUsage, [&] { shapes({.side = 64}); }), "images of 32x32"));
  EXPECT_TRUE(contains(message_of(ErrorKind::kUsage, [&] { shapes({.short_side = 40}); }), "--eval-resize"));
}

}  // namespace
}  // namespace drift
