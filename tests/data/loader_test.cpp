#include "data/loader.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "tests/data/data_support.h"
#include "tests/support/prepare_batch.h"

namespace drift {
namespace {

using testing::chi_square;
using testing::contains;
using testing::FakeDataset;
using testing::message_of;
using testing::prepare_batch;

constexpr int kThreadCounts[] = {0, 1, 3};

bool same(const Crop& a, const Crop& b) {
  return a.dy == b.dy && a.dx == b.dx && a.flip == b.flip;
}

bool same(const Batch& a, const Batch& b) {
  if (a.crops.size() != b.crops.size()) return false;
  for (std::size_t i = 0; i < a.crops.size(); ++i) {
    if (!same(a.crops[i], b.crops[i])) return false;
  }
  return a.step == b.step && a.indices == b.indices && a.images == b.images && a.labels == b.labels;
}

struct Fixture {
  FakeDataset dataset{40};
  Sampler sampler{{.seed = 11, .dataset_size = 40, .workers = 2, .local_batch = 4}};
  LoaderConfig config{.worker = 1, .augmentation = Augmentation::kPadCropFlip, .label_noise = 0.3f};
};

TEST(Loader, BatchesHoldTheSamplersImagesAndLabels) {
  Fixture fixture;
  fixture.config.label_noise = 0;
  LoaderPool pool(0);
  Loader loader(fixture.dataset, fixture.sampler, fixture.config, pool);
  for (std::int64_t step = 0; step < 12; ++step) {
    const Batch& batch = loader.next();
    ASSERT_EQ(batch.step, step);
    std::vector<std::int64_t> indices(4);
    fixture.sampler.indices(step, 1, indices);
    ASSERT_EQ(batch.indices, indices);
    for (std::size_t i = 0; i < 4; ++i) {
      ASSERT_EQ(batch.labels[i], indices[i] % 10);
      for (std::size_t b = 0; b < 12; ++b) ASSERT_EQ(batch.images[12 * i + b], FakeDataset::byte(indices[i], b));
    }
  }
}

TEST(Loader, AnyNumberOfThreadsGivesTheSameBatchesInOrder) {
  const Fixture fixture;
  for (const int threads : kThreadCounts) {
    LoaderPool pool(threads);
    Loader loader(fixture.dataset, fixture.sampler, fixture.config, pool);
    for (std::int64_t step = 0; step < 50; ++step) {
      Batch expected;
      prepare_batch(fixture.dataset, fixture.sampler, fixture.config, step, expected);
      ASSERT_TRUE(same(loader.next(), expected)) << "step " << step << ", " << threads << " threads";
    }
  }
}

TEST(Loader, SeekGoesForwardAndBack) {
  const Fixture fixture;
  for (const int threads : kThreadCounts) {
    LoaderPool pool(threads);
    Loader loader(fixture.dataset, fixture.sampler, fixture.config, pool);
    for (const std::int64_t target : {7, 1000, 0, 8, 8}) {
      loader.seek(target);
      for (std::int64_t step = target; step < target + 3; ++step) {
        Batch expected;
        prepare_batch(fixture.dataset, fixture.sampler, fixture.config, step, expected);
        ASSERT_TRUE(same(loader.next(), expected)) << "step " << step << ", " << threads << " threads";
      }
    }
  }
}

TEST(Loader, AnErrorIsThrownAtItsStepAndTheNextCallTriesAgain) {
  for (const int threads : kThreadCounts) {
    FakeDataset dataset(40);
    const Sampler sampler({.sampling = Sampling::kSequential, .dataset_size = 40, .local_batch = 4});
    dataset.bad = 22;  // step 5
    LoaderPool pool(threads);
    Loader loader(dataset, sampler, {}, pool);
    for (std::int64_t step = 0; step < 5; ++step) ASSERT_EQ(loader.next().step, step);
    for (int attempt = 0; attempt < 2; ++attempt) {
      EXPECT_EQ(message_of(ErrorKind::kData, [&] { loader.next(); }), "image 22 is bad") << threads << " threads";
    }
    dataset.bad = -1;
    EXPECT_EQ(loader.next().step, 5) << threads << " threads";
    EXPECT_EQ(loader.next().step, 6) << threads << " threads";
  }
}

TEST(Loader, PrefetchesNoMoreThanItsRing) {
  for (const int threads : {1, 3}) {
    const FakeDataset dataset(40);
    const Sampler sampler({.dataset_size = 40, .local_batch = 4});
    constexpr std::int64_t kTaken = 5;
    LoaderPool pool(threads);
    {
      Loader loader(dataset, sampler, {}, pool);
      for (std::int64_t i = 0; i < kTaken; ++i) loader.next();
    }  // joined
    EXPECT_LE(dataset.reads, (kTaken + BatchesAhead::kAhead) * 4);
    EXPECT_GE(dataset.reads, kTaken * 4);
  }
}

TEST(Loader, MayBeDestroyedAtAnyMoment) {
  const Fixture fixture;
  for (int i = 0; i < 200; ++i) {
    LoaderPool pool(i % 4);
    Loader loader(fixture.dataset, fixture.sampler, fixture.config, pool);
    for (int taken = 0; taken < i % 5; ++taken) ASSERT_EQ(loader.next().step, taken);
  }
}

TEST(Loader, BuffersAreUsedAgain) {
  const Fixture fixture;
  LoaderPool pool(0);
  Loader loader(fixture.dataset, fixture.sampler, fixture.config, pool);
  const std::uint8_t* images = loader.next().images.data();
  EXPECT_EQ(loader.next().images.data(), images);
}

TEST(Loader, DrawsDoNotDependOnTheLayout) {
  const FakeDataset dataset(40);
  LoaderConfig config{.augmentation = Augmentation::kPadCropFlip, .label_noise = 0.5f};
  const Sampler one({.seed = 4, .dataset_size = 40, .workers = 1, .local_batch = 12});
  const Sampler four({.seed = 4, .dataset_size = 40, .workers = 4, .local_batch = 3});
  for (std::int64_t step = 0; step < 10; ++step) {
    Batch whole, part;
    config.worker = 0;
    prepare_batch(dataset, one, config, step, whole);
    for (int worker = 0; worker < 4; ++worker) {
      config.worker = worker;
      prepare_batch(dataset, four, config, step, part);
      for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t at = 3 * static_cast<std::size_t>(worker) + i;
        ASSERT_EQ(part.labels[i], whole.labels[at]);
        ASSERT_TRUE(same(part.crops[i], whole.crops[at]));
      }
    }
  }
}

TEST(Augmentation, NoneHasNoCrops) {
  const Fixture fixture;
  Batch batch;
  prepare_batch(fixture.dataset, fixture.sampler, {}, 3, batch);
  EXPECT_TRUE(batch.crops.empty());
}

// 9 x 9 offsets over 40,500 draws: 80 degrees of freedom; flips: standard deviation 100. Five standard deviations are
// allowed.
TEST(Augmentation, CropsAreUniformAndHalfAreMirrored) {
  std::vector<std::int64_t> counts(81);
  std::int64_t flips = 0;
  for (std::int64_t epoch = 0; epoch < 5; ++epoch) {
    for (std::int64_t position = 0; position < 8100; ++position) {
      const Crop crop = draw_crop(augmentation_rng(17, epoch, position));
      ASSERT_TRUE(crop.dy >= 0 && crop.dy <= 8 && crop.dx >= 0 && crop.dx <= 8);
      ++counts[static_cast<std::size_t>(9 * crop.dy + crop.dx)];
      flips += crop.flip;
    }
  }
  EXPECT_LT(chi_square(counts), 80 + 5 * std::sqrt(2 * 80.0));
  EXPECT_NEAR(static_cast<double>(flips), 20250, 5 * 100.6);
}

TEST(Augmentation, AnImageDrawnTwiceInAnEpochIsCroppedTwice) {
  const FakeDataset dataset(1);
  const Sampler sampler({.sampling = Sampling::kWithReplacement, .dataset_size = 1, .steps_per_epoch = 8});
  std::vector<std::int64_t> crops(256);
  for (std::int64_t step = 0; step < 8; ++step) {
    Batch batch;
    prepare_batch(dataset, sampler, {.augmentation = Augmentation::kPadCropFlip}, step, batch);
    ++crops[static_cast<std::size_t>(batch.crops[0].dy * 18 + batch.crops[0].dx * 2 + batch.crops[0].flip)];
  }
  EXPECT_LT(*std::max_element(crops.begin(), crops.end()), 8);
}

// 20,000 draws with p = 0.3: standard deviation 65; the wrong labels are spread over 9 others, 8 degrees of freedom.
TEST(LabelNoise, FiresWithItsProbabilityAndNeverGivesTheTrueClass) {
  const FakeDataset dataset(1000);
  const Sampler sampler({.seed = 8, .dataset_size = 1000, .local_batch = 1000});
  std::vector<std::int64_t> offsets(10);
  for (std::int64_t step = 0; step < 20; ++step) {
    Batch batch;
    prepare_batch(dataset, sampler, {.label_noise = 0.3f}, step, batch);
    for (std::size_t i = 0; i < 1000; ++i) {
      ASSERT_TRUE(batch.labels[i] >= 0 && batch.labels[i] < 10);
      ++offsets[static_cast<std::size_t>((batch.labels[i] - dataset.label(batch.indices[i]) + 10) % 10)];
    }
  }
  EXPECT_NEAR(static_cast<double>(offsets[0]), 14000, 5 * 65);
  offsets.erase(offsets.begin());
  EXPECT_LT(chi_square(offsets), 8 + 5 * std::sqrt(2 * 8.0));
}

TEST(LabelNoise, AlwaysAndWithTwoClassesIsTheOtherClass) {
  const FakeDataset dataset(100, 2, 2);
  const Sampler sampler({.dataset_size = 100, .local_batch = 100});
  Batch batch;
  prepare_batch(dataset, sampler, {.label_noise = 1.0f}, 0, batch);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(batch.labels[i], 1 - dataset.label(batch.indices[i]));
}

TEST(LabelNoise, IsDrawnAnewEveryStep) {
  const FakeDataset dataset(100);
  const Sampler sampler({.sampling = Sampling::kSequential, .dataset_size = 100, .local_batch = 100});
  Batch first, second;
  prepare_batch(dataset, sampler, {.label_noise = 0.5f}, 0, first);
  prepare_batch(dataset, sampler, {.label_noise = 0.5f}, 1, second);
  EXPECT_EQ(first.images, second.images);
  EXPECT_NE(first.labels, second.labels);
}

TEST(Loader, RefusesANonsensicalConfig) {
  const Fixture fixture;
  const auto message = [&](const LoaderConfig& config) {
    return message_of(ErrorKind::kConfig, [&] { TrainingBatches(fixture.dataset, fixture.sampler, config); });
  };
  EXPECT_TRUE(contains(message({.label_noise = 1.5f}), "1.5"));
  EXPECT_TRUE(contains(message({.label_noise = -0.1f}), "-0.1"));
  const FakeDataset one_class(40, 2, 1);
  const std::string text =
      message_of(ErrorKind::kConfig, [&] { TrainingBatches(one_class, fixture.sampler, {.label_noise = 0.1f}); });
  EXPECT_TRUE(contains(text, "2 classes")) << text;
}

}  // namespace
}  // namespace drift
