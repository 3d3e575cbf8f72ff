// Comparison: arms that differ in some settings, each repeated with several seeds; a common first phase, if there is
// one, is trained once for each of several starts, and arms branch from its end. All of it is data, in a recipe: the
// options of `drift train` are what all arms share, and
//
//   first-phase = "--epochs 40 --lr 0.4"            options of the common first phase; absent: arms start by themselves
//   starts = 2                                      independent first phases; seed i branches from start i mod 2
//   arms = ["sgd: --algo sgd", "local64: --algo local --period 64"]
//   seeds = 5                                       repetitions of each arm
//   expect = ["local64 - sgd > 0"]                  points of test accuracy, of the whole 95 % interval
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/checkpoint/checkpoint.h"
#include "train/config/resolve.h"

namespace drift {

struct ArmPlan {
  std::string name;
  SettingLayer settings;
};

// That the paired difference of two arms' test accuracies is above, or below, so many points.
struct Expectation {
  std::string text;  // as it was written
  std::string arm, other;
  bool above = true;
  double points = 0;
};

struct Comparison {
  std::string name;                  // of the recipe
  std::vector<SettingLayer> common;  // of the recipe, then of the command line
  std::optional<SettingLayer> first_phase = {};
  std::optional<FoundCheckpoint> origin = {};  // that all arms branch from, in place of a first phase
  int starts = 1, seeds = 1;
  std::vector<ArmPlan> arms = {};
  std::vector<Expectation> expectations = {};
};

// given: the command line's; with --weights there is no first phase. origin: a checkpoint that arms branch from
// instead, or "". Throws kConfig, naming the recipe and the key, before anything is trained: for what is not written as
// above, and for settings that do not fit together in some arm.
Comparison read_comparison(const std::filesystem::path& recipe, const SettingLayer& given,
                           const std::filesystem::path& origin = {});

// One run of a comparison.
struct PlannedRun {
  std::string arm;                  // "": a first phase
  int repetition = 0;               // of the arm, from 0; of a first phase the start
  std::filesystem::path directory;  // below that of the comparison: "start-1", "local64/seed-1"
  std::filesystem::path parent;     // of the first phase it branches from, likewise, or the origin; "": none
  TrainConfig config;               // whose seed is the recipe's and the repetition's
};

// In the order in which they are run: first phases, then for each repetition all arms, so that what there is after an
// interruption can be compared.
std::vector<PlannedRun> planned_runs(const Comparison& comparison);
// Of what a run with a parent branches from.
TrainConfig parent_config(const Comparison& comparison, const PlannedRun& run);

}  // namespace drift
