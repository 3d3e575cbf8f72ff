// SyncConfig: how many workers, when they communicate, and what happens then to each part of a replica's state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/step.h"
#include "train/config/option.h"

namespace drift {

enum class Algorithm : std::uint8_t { kSgd, kLocal, kPostLocal };
enum class MomentumSync : std::uint8_t { kKeep, kAverage, kReset };
// Where the batch-norm statistics of an evaluated model come from: computed afresh from training batches, the mean over
// workers, worker 0's; or, for weights read from a file, the file.
enum class BatchNormPolicy : std::uint8_t { kReestimate, kAverage, kLocal, kStored };

// What is made of the way that the average of a round went: nothing, a step of SGD or of Nesterov's form, or SlowMo's,
// whose momentum is one of rates of travel (the way over the learning rate of the round).
enum class Outer : std::uint8_t { kNone, kSgd, kNesterov, kSlowMo };

struct OuterConfig {
  Outer kind = Outer::kNone;
  double lr = 1;  // 1 and no momentum: Local SGD, bit for bit
  double momentum = 0;
};

// As what the averages of gradients and parameters travel.
struct WireConfig {
  DType type = DType::kFloat32;  // or bfloat16: of parameters the way since their round's start
  bool error_feedback = true;    // what rounding left out is added to what travels next
};

// SyncScope: what happens to each part of a replica's state when parameters are averaged; printed with each result.
struct SyncScope {
  MomentumSync momentum = MomentumSync::kKeep;
  BatchNormPolicy batch_norm = BatchNormPolicy::kReestimate;
  std::int64_t bn_batches = 100;  // training batches of B_loc for kReestimate, in all
};

struct SyncConfig {
  Algorithm algorithm = Algorithm::kSgd;
  int workers = 1;                     // K
  std::int64_t local_batch = 128;      // B_loc
  std::vector<Step> periods{1};        // H; up to three: before, between and after the step decays
  std::optional<double> switch_epoch;  // post-local: where local steps begin; one of the two
  std::optional<Step> switch_step;
  std::vector<Step> periods_by_level{};  // H1, H2: rounds of H1 H2 steps, averages within nodes every H1; or none
  int node_workers = 1;                  // N: workers of a node, those with neighbouring numbers
  double qsr_alpha = 0;                  // > 0: H = max(H, floor((alpha / lr)^power)) at each round's start (QSR)
  double qsr_power = 2;
  int fragments = 1;          // F: equal parts of the parameters, averaged one after the other in a round
  Step fragment_delay = 0;    // D: local steps that are made while an average travels
  bool final_average = true;  // the last step ends a round, even a short one
  bool telemetry = true;      // of rounds: how far the workers are apart
  SyncScope scope;
  OuterConfig outer;
  WireConfig wire;

  // One worker sends nothing.
  bool compresses() const { return wire.type != DType::kFloat32 && workers > 1; }
  // Whether a replica keeps what it started its round from.
  bool keeps_round_start() const {
    return outer.kind != Outer::kNone || (compresses() && algorithm != Algorithm::kSgd);
  }
  // Arenas like that of the parameters that a replica has beside its own, and how many of them a checkpoint keeps.
  int more_arenas() const { return more_arenas_kept() + (fragment_delay > 0 ? 2 : 0); }
  int more_arenas_kept() const {
    const bool error = compresses() && wire.error_feedback;
    return (keeps_round_start() ? 1 : 0) + (outer.kind != Outer::kNone ? 1 : 0) + (error ? 1 : 0) +
           (fragment_delay > 0 ? 1 : 0);
  }
  bool has_levels() const { return !periods_by_level.empty(); }
  // H, as `periods`: of rounds of all workers.
  std::vector<Step> round_periods() const;

  // All parameters over all workers, as they are, and at no other step.
  bool averages_at_once() const {
    return fragments == 1 && fragment_delay == 0 && !has_levels() && wire.type == DType::kFloat32;
  }

  std::int64_t global_batch() const { return workers * local_batch; }
  // Of one worker there is nothing to tell, averages of gradients have no rounds, and where the parameters are averaged
  // one part after the other, or late, there is no step at which all are equal.
  bool measures_rounds() const {
    return telemetry && workers > 1 && algorithm != Algorithm::kSgd && fragments == 1 && fragment_delay == 0;
  }
};

std::vector<Option> sync_options();

// Throws kConfig for what contradicts itself: --period with sgd, no switch with post-local, a period below 1, more
// periods than `decays` step decays can tell apart, an outer optimizer where there are no rounds.
void check(const SyncConfig& config, std::size_t decays);

// The scope in words, for every result that is printed or stored: no default is hidden.
// "averaged model, batch-norm statistics re-estimated on 100 batches, momentum kept local"
std::string describe_scope(const SyncConfig& sync, bool has_batch_norm);

}  // namespace drift
