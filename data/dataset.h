// Dataset: index -> (uint8 image, label), immutable and safe to read from many threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/rng.h"
#include "core/shape.h"

namespace drift {

class RunningDigest;

class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  virtual Shape image_shape() const = 0;  // [H,W,3]
  virtual std::span<const std::string> class_names() const = 0;
  std::int64_t classes() const { return static_cast<std::int64_t>(class_names().size()); }
  virtual std::int32_t label(std::int64_t index) const = 0;
  // Whether reading an image is a copy of its bytes.
  virtual bool in_memory() const = 0;

  // Writes the image's H*W*3 bytes, interleaved RGB, top row first, as evaluation sees it. 0 <= index < size(). Returns
  // whether there is such an image: false for one that cannot be decoded, in a set that leaves those out.
  virtual bool read_image(std::int64_t index, std::span<std::uint8_t> image) const = 0;
  // The same, but a random part of it brought to H x W and mirrored every other time, by the numbers of `rng`
  // (data/image_crops.h).
  virtual bool read_crop(std::int64_t index, const Rng& rng, std::span<std::uint8_t> image) const;
  // Adds what sets that are not equal differ in: all labels and images, or what stands for them.
  virtual void identify(RunningDigest& digest) const;
};

// Per channel, in units of pixel/255.
struct Normalisation {
  std::array<float, 3> mean{}, std{};
};

struct DataSource {
  std::string name;  // "cifar10", "cifar100", "imagefolder", "packed", "shapes", "synthetic"
  std::unique_ptr<Dataset> train, test;
  Normalisation normalisation;                    // the data set's own, until another is chosen (data/normalisation.h)
  std::unique_ptr<Dataset> validation = nullptr;  // held out of `train` (data/hold_out.h), or nullptr
  std::unique_ptr<Dataset> whole = nullptr;       // what `train` and `validation` are views of
};

}  // namespace drift
