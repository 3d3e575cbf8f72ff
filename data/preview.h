// A contact sheet: one row per class in the order of the class names, nearest-neighbour enlarged, as a PNG.
#pragma once

#include <cstdint>
#include <filesystem>

#include "data/dataset.h"

namespace drift {

struct PreviewOptions {
  int columns = 12;        // images per class, the first ones of the data set
  int rows_max = 20;       // classes shown
  int scale = 3;           // pixels per image pixel, each way
  bool augmented = false;  // one image per class: as stored, then padded, cropped and mirrored by other draws
  std::uint64_t seed = 0;  // of the augmentation
};

// Throws kOutput when the file cannot be written.
void write_preview(const Dataset& dataset, const std::filesystem::path& path, const PreviewOptions& options = {});

}  // namespace drift
