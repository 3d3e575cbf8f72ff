// Loader: a worker's batches in sampler order. Images stay uint8 here; crops and flips are drawn here and applied by
// Backend::augment. Batches are the same for any number of threads: every draw is a function of (seed, epoch,
// position).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/sampler.h"
#include "kernels/crop.h"

namespace drift {

enum class Augmentation : std::uint8_t { kNone, kPadCropFlip };

// The most an image moves: pixels of zero padding on each side.
constexpr int kCropPad = 4;

struct Batch {
  std::int64_t step = 0;
  std::vector<std::int64_t> indices;  // [B_loc], in the dataset
  std::vector<std::uint8_t> images;   // [B_loc,H,W,3]
  std::vector<std::int32_t> labels;   // [B_loc]
  std::vector<Crop> crops;            // [B_loc], in images padded by kCropPad; empty without augmentation
};

struct LoaderConfig {
  int worker = 0;
  Augmentation augmentation = Augmentation::kNone;
  float label_noise = 0;  // probability that a label becomes a uniform draw over the other classes, anew each step
  int threads = 0;        // that prepare batches ahead; 0: prepared when asked for
  bool images = true;     // false leaves Batch::images empty, for whoever has the images already
};

class Loader {
 public:
  // `dataset` and `sampler` must outlive the loader.
  // Throws kConfig when label_noise is no probability or threads is negative.
  Loader(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config);
  ~Loader();
  // The next call of next() returns the batch of this step.
  void seek(std::int64_t step);
  // Valid until the next call. Errors met while preparing this step's batch are thrown here; calling again tries it
  // again.
  const Batch& next();

 private:
  class Prefetcher;
  const Dataset& dataset_;
  const Sampler& sampler_;
  LoaderConfig config_;
  std::int64_t step_ = 0;
  Batch batch_;
  std::unique_ptr<Prefetcher> prefetcher_;
};

// What the loader does for one batch: a pure function of its arguments. Buffers of `batch` are used again.
void prepare_batch(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config, std::int64_t step,
                   Batch& batch);

// The crop at a position of an epoch's order: dy and dx uniform over 0 .. 2 kCropPad, mirrored every other time.
Crop draw_crop(std::uint64_t seed, std::int64_t epoch, std::int64_t position);

}  // namespace drift
