#include "train/config/data.h"

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

std::vector<Option> data_options() {
  return section(
      "Data",
      {also_in({Scope::kEval, Scope::kData},
               on_resume(
                   OnResume::kRenamed,
                   text(row("data", "SPEC", "cifar10:DIR, cifar100:DIR, or built in: shapes[:TRAIN_SIZE[:TEST_SIZE]]"),
                        DRIFT_FIELD(data.spec)))),
       also_in({Scope::kEval}, choice(row("normalisation", "",
                                          "mean and deviation: the paper's code's, the training pixels', ImageNet's"),
                                      {{"paper", NormalisationSource::kPaper},
                                       {"pixels", NormalisationSource::kPixels},
                                       {"imagenet", NormalisationSource::kImagenet}},
                                      DRIFT_FIELD(data.normalisation))),
       also_in({Scope::kEval}, choice(row("augment", "", "augmentation of training images"),
                                      {{"none", Augmentation::kNone}, {"pad-crop-flip", Augmentation::kPadCropFlip}},
                                      DRIFT_FIELD(data.augmentation))),
       choice(row("sampling", "", "how an epoch draws its samples"),
              {{"without-replacement", Sampling::kWithoutReplacement},
               {"with-replacement", Sampling::kWithReplacement},
               {"sequential", Sampling::kSequential}},
              DRIFT_FIELD(data.sampling)),
       number(row("label-noise", "P", "each step, replace each label by another class with this probability"),
              {.min = 0, .max = 1}, DRIFT_FIELD(data.label_noise)),
       also_in({Scope::kEval, Scope::kData},
               number(row("seed", "N", "of initialisation, sampling, augmentation, label noise and built-in data"),
                      at_least(0), DRIFT_FIELD(seed)))});
}

}  // namespace drift
