// LrConfig: the learning rate over a run, as a user writes it down. What each step gets: train/schedule/.
#pragma once

#include <cstdint>
#include <vector>

#include "train/config/option.h"

namespace drift {

enum class LrShape : std::uint8_t { kConstant, kSteps, kCosine };
// Where a step decay lands: at the end of the last round that ends by its epoch (the paper's CIFAR code), or at the
// epoch's first step.
enum class DecayOn : std::uint8_t { kRound, kEpoch };
// --linear-scaling: the learning rate as given, times K, or times B/256.
enum class LinearScaling : std::uint8_t { kNone, kWorkers, kBatch256 };

struct LrConfig {
  double lr = 0.1;  // the peak, before linear scaling
  LrShape shape = LrShape::kConstant;
  LinearScaling linear_scaling = LinearScaling::kNone;
  double warmup_epochs = 0;
  double warmup_start = 0;           // learning rate at step 0 of the warm-up
  std::vector<double> decay_epochs;  // kSteps
  double gamma = 0.1;
  DecayOn decay_on = DecayOn::kRound;
  double min_lr = 0;  // kCosine ends here
};

std::vector<Option> lr_options();

// Throws kConfig for decays that are not ascending or belong to another shape.
void check(const LrConfig& config);

}  // namespace drift
