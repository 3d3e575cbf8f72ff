// A contact sheet of what the network sees: one row per class in the order of the class names, nearest-neighbour
// enlarged, as a PNG. An image that the data set leaves out is black.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/loader.h"

namespace drift {

struct PreviewOptions {
  int columns = 12;        // images per class, the first ones of the data set
  int rows_max = 20;       // classes shown
  int scale = 0;           // pixels per image pixel, each way; 0: so many that an image has about 100
  bool augmented = false;  // one image per class: as evaluation sees it, then by draws of training
  Augmentation augmentation = Augmentation::kAuto;
  std::uint64_t seed = 0;  // of the augmentation
};

// Throws kOutput when the file cannot be written.
void write_preview(const Dataset& dataset, const std::filesystem::path& path, const PreviewOptions& options = {});

}  // namespace drift
