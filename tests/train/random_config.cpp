#include "tests/train/random_config.h"

#include "core/rng.h"
#include "tests/support/seed.h"
#include "tests/train/toy_run.h"

namespace drift::testing {

TrainConfig random_config(int workers, std::uint64_t round) {
  const Rng rng(seed(), stream_id(Purpose::kTest, 78, round));
  const auto draw = [&](std::uint64_t index, std::uint32_t n) { return static_cast<int>(rng.below(index, n)); };
  TrainConfig config = toy_config(workers, 1 + draw(1, 5), 9);
  config.sync.final_average = draw(2, 2) == 1;
  switch (draw(3, 3)) {
    case 0:
      config = synchronous(config);
      break;
    case 1:
      config.sync.algorithm = Algorithm::kPostLocal;
      config.sync.switch_step = draw(4, 9);
      break;
    default:
      break;
  }
  config.sync.scope.momentum = static_cast<MomentumSync>(draw(5, 3));
  config.sync.scope.batch_norm = static_cast<BatchNormPolicy>(draw(6, 3));
  if (const auto outer = static_cast<Outer>(draw(12, 4));
      outer != Outer::kNone && config.sync.algorithm != Algorithm::kSgd) {
    config.sync.outer = {.kind = outer, .lr = 0.7, .momentum = 0.5};
  }
  config.data.sampling = static_cast<Sampling>(draw(7, 2));
  config.data.label_noise = 0.25 * draw(8, 2);
  config.data.label_smoothing = 0.1 * draw(11, 2);
  if (config.sync.algorithm != Algorithm::kSgd) config.sync.fragments = 1 + draw(15, 2) * draw(16, 4);
  if (const int delay = draw(17, 3); delay > 0 && config.sync.algorithm != Algorithm::kSgd) {
    config.sync.fragment_delay = delay;
    config.sync.periods = {delay * config.sync.fragments + 1 + draw(18, 2)};
    config.sync.outer = {};
    config.sync.scope.momentum = MomentumSync::kKeep;
    if (config.sync.scope.batch_norm == BatchNormPolicy::kAverage) {
      config.sync.scope.batch_norm = BatchNormPolicy::kReestimate;
    }
  }
  if (workers % 2 == 0 && workers > 2 && draw(19, 3) == 0 && config.sync.algorithm != Algorithm::kSgd) {
    config.sync.node_workers = 2;
    config.sync.periods_by_level = {1 + draw(20, 3), 1 + draw(21, 3)};
    config.sync.periods = {1};
    config.sync.fragments = 1;
    config.sync.fragment_delay = 0;
  }
  if (config.sync.fragment_delay == 0 && draw(22, 3) == 0) {
    config.sync.wire = {.type = DType::kBFloat16, .error_feedback = draw(23, 2) == 1};
  }
  config.processes.overlap = draw(13, 4) > 0;
  config.processes.bucket_megabytes = 1e-3 * (1 << draw(14, 9));
  config.lr.shape = LrShape::kCosine;
  config.optimizer.clip_grad_norm = 0.5 * draw(10, 2);
  config.seed = rng.below(9, 1000);
  return config;
}

}  // namespace drift::testing
