// Loader: a worker's batches in sampler order. Images stay uint8 here. Random parts of images that are decoded are cut
// out here; crops of padded images are drawn here and applied by Backend::augment. Every draw is a function of (seed,
// epoch, position).
#pragma once

#include <cstdint>
#include <optional>

#include "data/batches_ahead.h"
#include "data/sampler.h"

namespace drift {

// kAuto: kPadCropFlip for images that lie in memory, kResizedCropFlip for those that are decoded.
enum class Augmentation : std::uint8_t { kAuto, kNone, kPadCropFlip, kResizedCropFlip };

Augmentation augmentation_for(Augmentation chosen, const Dataset& dataset);

// The most an image moves: pixels of zero padding on each side.
constexpr int kCropPad = 4;

struct LoaderConfig {
  int worker = 0;
  Augmentation augmentation = Augmentation::kNone;
  float label_noise = 0;  // probability that a label becomes a uniform draw over the other classes, anew each step
  bool images = true;     // false leaves Batch::images empty, for whoever has the images already
};

// The batches of one worker by step: each a function of the step and of what is given here.
class TrainingBatches final : public BatchMaker {
 public:
  // `dataset` and `sampler` must outlive it. Throws kConfig when label_noise is no probability.
  TrainingBatches(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config);

  void begin(std::int64_t step, Batch& batch) const override;
  // In the place of an image that the set leaves out comes the next one that it has.
  void read(std::size_t sample, Batch& batch) const override;

 private:
  const Sampler& sampler_;
  LoaderConfig config_;
};

class Loader {
 public:
  // `dataset`, `sampler` and `pool` must outlive the loader. Throws kConfig as TrainingBatches do.
  Loader(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config, LoaderPool& pool)
      : batches_(dataset, sampler, config), pool_(pool) {
    seek(0);
  }
  // The next call of next() returns the batch of this step.
  void seek(std::int64_t step) { ahead_.emplace(batches_, pool_, step); }
  // Valid until the next call. Errors met while preparing this step's batch are thrown here; calling again tries it
  // again.
  const Batch& next() { return ahead_->next(); }

 private:
  const TrainingBatches batches_;
  LoaderPool& pool_;
  std::optional<BatchesAhead> ahead_;
};

// The numbers that augmentation draws at a position of an epoch's order, and the crop of a padded image that they
// give: dy and dx uniform over 0 .. 2 kCropPad, mirrored every other time.
Rng augmentation_rng(std::uint64_t seed, std::int64_t epoch, std::int64_t position);
Crop draw_crop(const Rng& rng);

}  // namespace drift
