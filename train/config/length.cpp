#include "train/config/length.h"

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

std::vector<Option> length_options() {
  return section(
      "Length",
      {excluding("steps", number(row("epochs", "E", "length of the run"), above(0), DRIFT_FIELD(length.epochs))),
       excluding("epochs", number(row("steps", "N", "length of the run in steps, instead of --epochs"), at_least(1),
                                  DRIFT_FIELD(length.steps))),
       number(row("steps-per-epoch", "N", "0: as many as the data set fills"), counted_from(0),
              DRIFT_FIELD(length.steps_per_epoch)),
       on_resume(OnResume::kSession,
                 duration(row("max-time", "TIME", "stop by then, with a checkpoint, as a signal would make it: 3h50m"),
                          DRIFT_FIELD(length.max_seconds)))});
}

}  // namespace drift
