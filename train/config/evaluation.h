// EvaluationConfig and CheckpointConfig: how often a run is measured and saved. None of it changes a bit of the run.
#pragma once

#include <cstdint>
#include <vector>

#include "train/config/option.h"

namespace drift {

struct EvaluationConfig {
  double every = 1;          // epochs; 0: only at the end
  std::int64_t batch = 250;  // images at a time
};

struct CheckpointConfig {
  double every = 0;     // epochs; 0: only at the end and on a signal
  double minutes = 10;  // since the last one, at most; 0: no such limit
  int keep = 2;         // newest ones; 0: all
  bool keep_best = false;
};

// Throws kConfig where the best is to be kept and no images are held out to tell it by.
void check(const CheckpointConfig& config, double val_split);

std::vector<Option> evaluation_options();
std::vector<Option> checkpoint_options();

}  // namespace drift
