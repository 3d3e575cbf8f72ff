#include "train/config/optimizer.h"

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

std::vector<Option> optimizer_options() {
  return section("Optimizer (SGD)",
                 {number(row("momentum", "X", "v <- momentum v + g"), {.min = 0, .max = 1, .max_open = true},
                         DRIFT_FIELD(optimizer.momentum)),
                  on_off(row("nesterov", "", "Nesterov's form of momentum"), DRIFT_FIELD(optimizer.nesterov)),
                  with_alias("wd", number(row("weight-decay", "X", "coupled: g + X w"), at_least(0),
                                          DRIFT_FIELD(optimizer.weight_decay))),
                  on_off(row("decay-norm-and-bias", "", "weight decay on norm parameters and biases too"),
                         DRIFT_FIELD(optimizer.decay_norm_and_bias)),
                  number(row("clip-grad-norm", "X", "scale gradients down to a norm of at most X; 0: not at all"),
                         at_least(0), DRIFT_FIELD(optimizer.clip_grad_norm))});
}

}  // namespace drift
