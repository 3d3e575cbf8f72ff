// TrainConfig: everything that decides a run, resolved. The bits of a run are a function of this struct (and of the
// machine's instruction set). How values are read from flags and recipes: options.h. Defaults here are the command
// line's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/step.h"
#include "data/loader.h"
#include "data/sampler.h"
#include "models/registry.h"

namespace drift {

enum class Algorithm : std::uint8_t { kSgd, kLocal, kPostLocal };
enum class LrShape : std::uint8_t { kConstant, kSteps, kCosine };
// Where a step decay lands: at the end of the last round that ends by its epoch (the paper's CIFAR code), or at the
// epoch's first step.
enum class DecayOn : std::uint8_t { kRound, kEpoch };
// --linear-scaling: the learning rate as given, times K, or times B/256.
enum class LinearScaling : std::uint8_t { kNone, kWorkers, kBatch256 };
enum class MomentumSync : std::uint8_t { kKeep, kAverage, kReset };
enum class BatchNormStats : std::uint8_t { kReestimate, kAverage, kLocal };

// SyncScope: what happens to each part of a replica's state when parameters are averaged; printed with each result.
struct SyncScope {
  MomentumSync momentum = MomentumSync::kKeep;
  BatchNormStats bn_stats = BatchNormStats::kReestimate;
  std::int64_t bn_batches = 100;  // training batches of B_loc for kReestimate, in all
};

struct SyncConfig {
  Algorithm algorithm = Algorithm::kSgd;
  int workers = 1;                     // K
  std::int64_t local_batch = 128;      // B_loc
  std::vector<Step> periods{1};        // H; up to three: before, between and after the step decays
  std::optional<double> switch_epoch;  // post-local: where local steps begin; one of the two
  std::optional<Step> switch_step;
  double qsr_alpha = 0;  // > 0: H = max(H, floor((alpha / lr)^power)) at each round's start (QSR)
  double qsr_power = 2;
  bool final_average = true;  // the last step ends a round, even a short one
  SyncScope scope;
};

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

struct OptimizerConfig {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;
  bool decay_norm_and_bias = false;
};

struct TrainConfig {
  ModelOptions model;
  std::string data = "shapes";
  Augmentation augmentation = Augmentation::kPadCropFlip;
  Sampling sampling = Sampling::kWithoutReplacement;
  double label_noise = 0;
  SyncConfig sync;
  LrConfig lr;
  OptimizerConfig optimizer;
  std::uint64_t seed = 1;
  double epochs = 10;
  std::optional<Step> steps;         // overrides epochs
  std::int64_t steps_per_epoch = 0;  // 0: floor(N/B)
  double eval_every = 1;             // epochs; 0: only at the end
  double checkpoint_every = 0;       // epochs; 0: only at the end and on a signal
  int keep_checkpoints = 2;
  std::int64_t eval_batch = 250;
  DType precision = DType::kFloat32;
  std::string device = "auto";  // auto | cpu | cuda:N
  bool tf32 = false;            // on a GPU: float32 convolutions and matmuls may round to TF32
  bool graphs = true;           // on a GPU: capture each kind of step once and replay it
  std::string plan_file;        // on a GPU: plans of cuDNN, read and added to; "": none
  bool explain_plans = false;   // on a GPU: print each plan of cuDNN that is built
  bool op_times = false;        // on a GPU: time by kind of operation; steps are then not captured
  int threads = 0;              // CPU threads in all; 0: all cores
  int worker_threads = 0;       // per worker; 0: threads / min(K, threads)
  int loader_threads = 0;       // per worker
  std::string weights;          // start from these (safetensors)
  std::string resume;           // continue this checkpoint or run directory
  std::string out;              // the run directory; "": runs/<date>-<time>-<name>
  std::string name;             // "": made from model and algorithm

  // On a GPU: the events of op_times belong to calls, not to a captured whole.
  bool captures_steps() const { return graphs && !op_times; }
};

}  // namespace drift
