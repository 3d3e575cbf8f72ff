// EvaluationConfig and CheckpointConfig: how often a run is measured and saved. None of it changes a bit of the run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/shape.h"
#include "train/config/option.h"

namespace drift {

struct EvaluationConfig {
  double every = 1;                   // epochs; 0: only at the end
  std::optional<std::int64_t> batch;  // images at a time

  // Where it is not told: 250 of CIFAR's size, fewer larger ones, so that evaluations need less memory than training.
  // image: [H,W,3].
  std::int64_t batch_of(const Shape& image) const;
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
