// DataConfig: what is trained on and how samples are drawn.
#pragma once

#include <string>
#include <vector>

#include "data/loader.h"
#include "data/normalisation.h"
#include "data/sampler.h"
#include "train/config/option.h"

namespace drift {

struct DataConfig {
  std::string spec = "shapes";  // data/open_data.h
  NormalisationSource normalisation = NormalisationSource::kPaper;
  Augmentation augmentation = Augmentation::kPadCropFlip;
  Sampling sampling = Sampling::kWithoutReplacement;
  double label_noise = 0;
};

std::vector<Option> data_options();

}  // namespace drift
