#include "train/sampling.h"

#include "core/check.h"

namespace drift {

Sampler make_sampler(const TrainConfig& config, std::int64_t images, std::int64_t held_out) {
  const std::int64_t expected = config.data.train_images;
  DRIFT_CHECK(kConfig, expected == 0 || expected == images + held_out,
              "--data {} has {} training images, and --train-images says {}: it is another set, or not all of it is "
              "there. Give the number that it has, or 0 for any",
              config.data.spec, images + held_out, expected);
  DRIFT_CHECK(kConfig, config.sync.workers >= 1, "--workers must be at least 1, got {}", config.sync.workers);
  const bool repeats = config.data.sampling == Sampling::kWithReplacement && config.length.steps_per_epoch > 0;
  DRIFT_CHECK(kConfig, held_out == 0 || repeats || images >= config.sync.global_batch(),
              "--val-split {} holds out {} of {} training images: the {} that are left are fewer than one global batch "
              "of {} ({} workers with {} each)",
              config.data.val_split, held_out, images + held_out, images, config.sync.global_batch(),
              config.sync.workers, config.sync.local_batch);
  return Sampler({.sampling = config.data.sampling,
                  .seed = config.seed,
                  .dataset_size = images,
                  .workers = config.sync.workers,
                  .local_batch = config.sync.local_batch,
                  .steps_per_epoch = config.length.steps_per_epoch});
}

}  // namespace drift
