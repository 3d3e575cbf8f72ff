// DataConfig: what is trained on and how samples are drawn.
#pragma once

#include <string>
#include <vector>

#include "data/loader.h"
#include "data/normalisation.h"
#include "data/open_data.h"
#include "data/sampler.h"
#include "train/config/option.h"

namespace drift {

struct DataConfig {
  std::string spec = "shapes";  // data/open_data.h
  NormalisationSource normalisation = NormalisationSource::kPaper;
  ImageOptions images;
  Augmentation augmentation = Augmentation::kAuto;
  Sampling sampling = Sampling::kWithoutReplacement;
  double label_noise = 0;
  double label_smoothing = 0;     // of the training loss; labels may be noisy as well
  double val_split = 0;           // training images held out: from 1 on their number, below 1 a part of all
  std::int64_t train_images = 0;  // that the data set must have, those held out included; 0: any number
};

// How many of so many training images --val-split holds out. Throws kConfig where none or all would be held out.
std::int64_t held_out_images(const DataConfig& config, std::int64_t images);

// The data set of --data with what --val-split holds out of it. Throws as held_out_images().
DataSource open_split(const DataConfig& config, std::uint64_t seed);
// The same, normalised as asked for; the statistics of pixels are those of the images to train on.
DataSource open_data(const DataConfig& config, std::uint64_t seed);

std::vector<Option> data_options();

}  // namespace drift
