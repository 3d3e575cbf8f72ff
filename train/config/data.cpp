#include "train/config/data.h"

#include <cmath>

#include "core/check.h"
#include "data/hold_out.h"
#include "kernels/device.h"
#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {

constexpr double kSideMax = 4096;

// From 1 on a number of images, which is whole.
Option val_split_option() {
  Option option = number(row("val-split", "N|P", "hold out N training images, or the part P of them, to choose by"),
                         counted_from(0), DRIFT_FIELD(data.val_split));
  option.set = [set = option.set](TrainConfig& config, std::string_view text) {
    const std::optional<double> value = parse_number(text);
    return value && (*value < 1 || *value == std::floor(*value)) && set(config, text);
  };
  return allowing("a whole number of images, or a part of them from 0 to below 1", option);
}

}  // namespace

std::int64_t held_out_images(const DataConfig& config, std::int64_t images) {
  if (config.val_split == 0) return 0;
  const double asked = config.val_split < 1 ? config.val_split * static_cast<double>(images) : config.val_split;
  const std::int64_t held_out = std::llround(asked);
  DRIFT_CHECK(
      kConfig, 0 < held_out && held_out < images,
      "--val-split {} holds out {} of the {} training images of {}: it must be at least one, and leave at least "
      "one to train on",
      config.val_split, held_out, images, config.spec);
  return held_out;
}

DataSource open_split(const DataConfig& config, std::uint64_t seed) {
  DataSource data = open_data(config.spec, seed, config.images);
  const std::int64_t held_out = held_out_images(config, data.train->size());
  return held_out == 0 ? std::move(data) : hold_out(std::move(data), held_out, seed);
}

DataSource open_data(const DataConfig& config, std::uint64_t seed) {
  DataSource data = open_split(config, seed);
  LoaderPool loading(config.normalisation == NormalisationSource::kPixels ? cpu_features().cores : 0);
  data.normalisation = normalisation_from(config.normalisation, data, loading);
  return data;
}

std::vector<Option> data_options() {
  return section(
      "Data",
      {also_in({Scope::kEval, Scope::kData},
               on_resume(OnResume::kRenamed,
                         text(row("data", "SPEC",
                                  "cifar10|cifar100|imagefolder|packed:PATH, shapes[:TRAIN[:TEST]], synthetic:N"),
                              DRIFT_FIELD(data.spec)))),
       also_in({Scope::kEval}, choice(row("normalisation", "",
                                          "mean and deviation: the paper's code's, the training pixels', or a set's"),
                                      {{"paper", NormalisationSource::kPaper},
                                       {"pixels", NormalisationSource::kPixels},
                                       {"imagenet", NormalisationSource::kImagenet},
                                       {"cifar10", NormalisationSource::kCifar10},
                                       {"cifar100", NormalisationSource::kCifar100}},
                                      DRIFT_FIELD(data.normalisation))),
       also_in({Scope::kEval, Scope::kData},
               number(row("image-size", "N", "side of the images that are decoded for the network; 0: 224"),
                      {.min = 0, .max = kSideMax}, DRIFT_FIELD(data.images.side))),
       also_in({Scope::kEval, Scope::kData},
               number(row("eval-resize", "N", "their short side before evaluation crops them; 0: 8/7 of --image-size"),
                      {.min = 0, .max = kSideMax}, DRIFT_FIELD(data.images.short_side))),
       also_in({Scope::kEval, Scope::kData},
               choice(row("bad-images", "", "images that cannot be decoded: an error, or left out and named"),
                      {{"fail", BadImages::kFail}, {"skip", BadImages::kSkip}}, DRIFT_FIELD(data.images.bad_images))),
       also_in({Scope::kEval, Scope::kData},
               choice(row("augment", "", "of training images; auto: resized-crop-flip where they are decoded"),
                      {{"auto", Augmentation::kAuto},
                       {"none", Augmentation::kNone},
                       {"pad-crop-flip", Augmentation::kPadCropFlip},
                       {"resized-crop-flip", Augmentation::kResizedCropFlip}},
                      DRIFT_FIELD(data.augmentation))),
       choice(row("sampling", "", "how an epoch draws its samples"),
              {{"without-replacement", Sampling::kWithoutReplacement},
               {"with-replacement", Sampling::kWithReplacement},
               {"sequential", Sampling::kSequential}},
              DRIFT_FIELD(data.sampling)),
       number(row("label-noise", "P", "each step, replace each label by another class with this probability"),
              {.min = 0, .max = 1}, DRIFT_FIELD(data.label_noise)),
       number(row("label-smoothing", "P", "training loss: the part P of a label is spread over all classes"),
              {.min = 0, .max = 1}, DRIFT_FIELD(data.label_smoothing)),
       also_in({Scope::kEval}, val_split_option()),
       free_on_resume(number(
           row("train-images", "N", "that --data must have; --print-plan takes them where it is not there; 0: any"),
           counted_from(0), DRIFT_FIELD(data.train_images))),
       also_in({Scope::kEval, Scope::kData},
               number(row("seed", "N", "of initialisation, samples, augmentation, noise, --val-split, built-in data"),
                      at_least(0), DRIFT_FIELD(seed)))});
}

}  // namespace drift
