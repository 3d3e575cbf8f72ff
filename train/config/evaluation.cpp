#include "train/config/evaluation.h"

#include <algorithm>

#include "core/check.h"
#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {
constexpr std::string_view kSection = "Evaluation and checkpoints";
}

std::int64_t EvaluationConfig::batch_of(const Shape& image) const {
  constexpr std::int64_t kPixels = 250 * 32 * 32, kFewest = 32, kMost = 250;
  return batch.value_or(std::clamp(kPixels / (image[0] * image[1]), kFewest, kMost));
}

std::vector<Option> evaluation_options() {
  return section(kSection,
                 {free_on_resume(number(row("eval-every", "E", "epochs between evaluations; 0: only at the end"),
                                        at_least(0), DRIFT_FIELD(evaluation.every))),
                  also_in({Scope::kEval},
                          free_on_resume(number(
                              row("eval-batch", "N", "images at a time in evaluations [250 of 32x32, 32 of 224x224]"),
                              counted_from(1), DRIFT_FIELD(evaluation.batch))))});
}

std::vector<Option> checkpoint_options() {
  return section(
      kSection,
      {free_on_resume(
           number(row("checkpoint-every", "E", "epochs between checkpoints; 0: only at the end and on a signal"),
                  at_least(0), DRIFT_FIELD(checkpoints.every))),
       free_on_resume(number(row("checkpoint-minutes", "X", "and one when the last is so old; 0: none for that reason"),
                             at_least(0), DRIFT_FIELD(checkpoints.minutes))),
       free_on_resume(number(row("keep-checkpoints", "N", "newest checkpoints to keep; 0: all"), at_least(0),
                             DRIFT_FIELD(checkpoints.keep))),
       free_on_resume(on_off(row("keep-best", "", "keep the checkpoint that is best on the images of --val-split"),
                             DRIFT_FIELD(checkpoints.keep_best)))});
}

void check(const CheckpointConfig& config, double val_split) {
  DRIFT_CHECK(kConfig, !config.keep_best || val_split > 0,
              "--keep-best keeps what is best on images held out of training, and there are none: give --val-split, or "
              "leave it out");
}

}  // namespace drift
