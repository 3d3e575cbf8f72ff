#include "data/loader.h"

#include "core/check.h"
#include "core/rng.h"

namespace drift {
namespace {

Rng rng_at(Purpose purpose, std::uint64_t seed, std::int64_t epoch, std::int64_t position) {
  return {seed, stream_id(purpose, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(position))};
}

// Uniform over the other classes: never the true one.
std::int32_t wrong_label(std::int32_t label, std::int64_t classes, std::uint32_t draw) {
  return static_cast<std::int32_t>((label + 1 + static_cast<std::int64_t>(draw)) % classes);
}

}  // namespace

Rng augmentation_rng(std::uint64_t seed, std::int64_t epoch, std::int64_t position) {
  return rng_at(Purpose::kAugment, seed, epoch, position);
}

Augmentation augmentation_for(Augmentation chosen, const Dataset& dataset) {
  if (chosen != Augmentation::kAuto) return chosen;
  return dataset.in_memory() ? Augmentation::kPadCropFlip : Augmentation::kResizedCropFlip;
}

Crop draw_crop(const Rng& rng) {
  constexpr std::uint32_t kOffsets = 2 * kCropPad + 1;
  return {.dy = static_cast<std::int8_t>(rng.below(0, kOffsets)),
          .dx = static_cast<std::int8_t>(rng.below(1, kOffsets)),
          .flip = static_cast<std::uint8_t>(rng.below(2, 2))};
}

TrainingBatches::TrainingBatches(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config)
    : BatchMaker(dataset), sampler_(sampler), config_(config) {
  config_.augmentation = augmentation_for(config.augmentation, dataset);
  DRIFT_ASSERT(sampler.config().dataset_size == dataset.size(), "a sampler of {} images for a data set of {}",
               sampler.config().dataset_size, dataset.size());
  DRIFT_ASSERT(config.worker >= 0 && config.worker < sampler.config().workers, "worker {} of {}", config.worker,
               sampler.config().workers);
  DRIFT_ASSERT(config.images || config_.augmentation != Augmentation::kResizedCropFlip,
               "parts of images, without them");
  DRIFT_CHECK(kConfig, config.label_noise >= 0 && config.label_noise <= 1,
              "the label noise is a probability from 0 to 1, got {}", config.label_noise);
  DRIFT_CHECK(kConfig, config.label_noise == 0 || dataset.classes() >= 2, "label noise needs at least 2 classes");
}

void TrainingBatches::begin(std::int64_t step, Batch& batch) const {
  const auto local_batch = static_cast<std::size_t>(sampler_.config().local_batch);
  const auto image_bytes = static_cast<std::size_t>(dataset().image_shape().elements());
  batch.step = step;
  batch.indices.resize(local_batch);
  batch.images.resize(config_.images ? local_batch * image_bytes : 0);
  batch.labels.resize(local_batch);
  batch.crops.resize(config_.augmentation == Augmentation::kPadCropFlip ? local_batch : 0);
  sampler_.indices(step, config_.worker, batch.indices);
}

// A draw belongs to a position in the epoch's order, not to a dataset index: with replacement an image may come twice
// in an epoch and must not be cropped or relabelled alike.
void TrainingBatches::read(std::size_t sample, Batch& batch) const {
  const std::uint64_t seed = sampler_.config().seed;
  const std::int64_t epoch = sampler_.epoch_of(batch.step);
  const std::int64_t position = sampler_.first_position(batch.step, config_.worker) + static_cast<std::int64_t>(sample);
  const Rng rng = augmentation_rng(seed, epoch, position);
  std::int64_t& index = batch.indices[sample];
  if (config_.images) {
    const bool crops = config_.augmentation == Augmentation::kResizedCropFlip;
    const auto is_there = [&] {
      const std::span<std::uint8_t> image = image_of(sample, batch);
      return crops ? dataset().read_crop(index, rng, image) : dataset().read_image(index, image);
    };
    for (std::int64_t left_out = 0; !is_there(); index = (index + 1) % dataset().size()) {
      DRIFT_CHECK(kData, ++left_out < dataset().size(), "none of {} training images can be decoded", dataset().size());
    }
  }
  std::int32_t& label = batch.labels[sample];
  label = dataset().label(index);
  if (config_.label_noise > 0) {
    const Rng noise = rng_at(Purpose::kLabelNoise, seed, epoch, position);
    const std::int64_t classes = dataset().classes();
    if (noise.uniform(0) < config_.label_noise) {
      label = wrong_label(label, classes, noise.below(1, static_cast<std::uint32_t>(classes - 1)));
    }
  }
  if (!batch.crops.empty()) batch.crops[sample] = draw_crop(rng);
}

}  // namespace drift
