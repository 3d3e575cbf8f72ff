// From what a user writes behind --data to a data set.
#pragma once

#include <string_view>

#include "data/image_dataset.h"

namespace drift {

// How images that are decoded become those that the network sees.
struct ImageOptions {
  std::int64_t side = 0;        // of these; 0: 224
  std::int64_t short_side = 0;  // of the image they are cut out of in evaluation; 0: 8/7 of `side`, so 256
  BadImages bad_images = BadImages::kFail;
};

// spec: "cifar10:DIR", "cifar100:DIR" (official layouts, or the archive, data/cifar.h), "imagefolder:DIR" (train/ and
// val/, a folder per class, data/image_folder.h), "shapes[:TRAIN_SIZE[:TEST_SIZE]]" (procedural, a function of `seed`,
// data/shapes.h) or "synthetic:SIDE[:CLASSES]" (random pixels, data/synthetic.h), or "packed:DIR" (what `drift data
// pack` made of images, data/pack_format.h). Throws kUsage for a malformed spec, an unknown kind (with a "did you
// mean") or sizes that the images cannot have, kData for files that are missing, truncated or malformed.
DataSource open_data(std::string_view spec, std::uint64_t seed, const ImageOptions& images = {});

// What comes out of images that are decoded. Throws kUsage where more is to be cut out than there is.
OutputSizes output_sizes(const ImageOptions& options);

// Whether images are decoded each time they are read: those of "imagefolder:DIR" and "packed:DIR".
bool has_image_files(std::string_view spec);
// These files; other specs have none. Throws as open_data().
struct ImageSources {
  std::unique_ptr<const Source> train, val;
};
ImageSources open_image_sources(std::string_view spec);

// In the directory of a packed set.
inline constexpr const char* kPackedTrain = "train.pack";
inline constexpr const char* kPackedVal = "val.pack";

// The DIR, or the archive, that ends a spec; "" for what is built in, and for what no data set is called.
std::string_view data_directory(std::string_view spec);

}  // namespace drift
