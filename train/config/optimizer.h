// OptimizerConfig: SGD's settings (engine/optim/sgd.h).
#pragma once

#include <vector>

#include "train/config/option.h"

namespace drift {

struct OptimizerConfig {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool decay_norm_and_bias = false;
  double clip_grad_norm = 0;  // 0: off
};

std::vector<Option> optimizer_options();

}  // namespace drift
