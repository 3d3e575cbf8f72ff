// The slow drift of Local SGD along a valley of minima, where theory gives exact numbers (Gu et al. 2023, theorem 3.1,
// with the finite-learning-rate correction). L(x, y) = (1 + x^2) y^2 / 2, gradient noise +-1/sqrt(B_loc) on y alone, so
// the valley is y = 0 with sharpness f = 1 + x^2, and with t = lr^2 steps
//     dx/dt = -(1 + (K-1) psi) x / (2 B f (1 - lr f / 2)),   psi = 1 - (1 - rho^H) / (H (1 - rho)),   rho = (1 - lr
//     f)^2.
// The runs go through the engine's plan, communicator, optimizer and averaging; many independent trials share one
// arena.
#include <bit>
#include <cmath>
#include <gtest/gtest.h>

#include "comm/averaging.h"
#include "core/rng.h"
#include "core/thread_team.h"
#include "engine/optim/sgd.h"
#include "tests/support/learning_rate.h"
#include "tests/support/seed.h"
#include "tests/train/toy_team.h"
#include "train/schedule/schedule.h"

namespace drift {
namespace {

constexpr int kWorkers = 8;
constexpr int kTrials = 512;
constexpr double kTime = 4;
constexpr double kStart = 1;

double drift_ode(double lr, Step period) {
  const auto slope = [&](double x) {
    const double f = 1 + x * x;
    const double rho = (1 - lr * f) * (1 - lr * f);
    const double h = static_cast<double>(period);
    const double psi = 1 - (1 - std::pow(rho, h)) / (h * (1 - rho));
    return -(1 + (kWorkers - 1) * psi) * x / (2 * kWorkers * f * (1 - lr * f / 2));
  };
  constexpr int kPieces = 4000;
  const double dt = kTime / kPieces;
  double x = kStart;
  for (int i = 0; i < kPieces; ++i) x += dt * slope(x + dt / 2 * slope(x));  // midpoint rule
  return x;
}

SyncPlan plan_of(Step period, Step steps) {
  TrainConfig config;
  config.sync.algorithm = Algorithm::kLocal;
  config.sync.workers = kWorkers;
  config.sync.periods = {period};
  config.length.steps = steps;
  return make_schedule(config, steps).plan;
}

// One worker's arena: x of all trials, then y of all trials.
class ValleyWorker {
 public:
  explicit ValleyWorker(int worker)
      : worker_(worker), stream_(make_stream(Device{}, 1)), backend_(make_backend(*stream_)) {
    set_.add_parameter("x", {kTrials}, ParameterRole::kLinearBias, {.value = static_cast<float>(kStart)});
    set_.add_parameter("y", {kTrials}, ParameterRole::kLinearBias, {.value = 0});
    set_.allocate(*backend_);
    set_.initialise(*backend_, 0);
  }

  void run(const SyncPlan& plan, Step steps, double lr, Communicator& comm) {
    for (Step step = 0; step < steps; ++step) {
      fill_gradients(step);
      sgd_.update(*backend_, set_, testing::LearningRate(*backend_, static_cast<float>(lr)).view());
      if (plan.at(step) == Sync::kParameters) comm.all_reduce_mean(set_.values(), *backend_);
    }
  }
  std::span<const float> x() const { return values_of("x"); }

 private:
  std::span<const float> values_of(std::string_view name) const {
    return {set_.find_parameter(name)->value().as<float>(), kTrials};
  }
  void fill_gradients(Step step) {
    const std::span<const float> x = values_of("x"), y = values_of("y");
    auto* dx = set_.find_parameter("x")->gradient().as<float>();
    auto* dy = set_.find_parameter("y")->gradient().as<float>();
    const Rng rng(testing::seed(),
                  stream_id(Purpose::kTest, static_cast<std::uint64_t>(worker_), static_cast<std::uint64_t>(step)));
    for (std::size_t i = 0; i < kTrials; i += 32) {
      const std::uint32_t signs = rng.bits(i / 32);
      for (std::size_t j = 0; j < 32; ++j) {
        const float noise = (signs >> j & 1u) != 0 ? 1.0f : -1.0f;  // B_loc = 1
        dx[i + j] = x[i + j] * y[i + j] * y[i + j];
        dy[i + j] = (1 + x[i + j] * x[i + j]) * y[i + j] + noise;
      }
    }
  }

  int worker_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  ParameterSet set_;
  Sgd sgd_;
};

struct Estimate {
  double mean = 0, standard_error = 0;
};

Estimate simulate(double lr, Step period) {
  const auto steps = static_cast<Step>(std::llround(kTime / (lr * lr)));
  const SyncPlan plan = plan_of(period, steps);
  const auto communicators = make_communicators(testing::toy_membership(kWorkers));
  std::vector<std::unique_ptr<ValleyWorker>> workers;
  for (const auto& comm : communicators) workers.push_back(std::make_unique<ValleyWorker>(comm->worker()));
  ThreadTeam("the workers", static_cast<int>(workers.size()), [&](int worker, const std::stop_token&) {
    const auto k = static_cast<std::size_t>(worker);
    workers[k]->run(plan, steps, lr, *communicators[k]);
  });
  Estimate estimate;
  double squares = 0;
  for (const float x : workers.front()->x()) {  // the last step is an average: all have the same
    estimate.mean += double{x} / kTrials;
    squares += double{x} * double{x} / kTrials;
  }
  estimate.standard_error = std::sqrt((squares - estimate.mean * estimate.mean) / (kTrials - 1));
  return estimate;
}

// Beyond the statistical error (5 standard errors) the equation itself is right up to the next order in lr: in x by a
// few lr / 10.
void expect_drift(double lr, Step period) {
  const Estimate found = simulate(lr, period);
  const double expected = drift_ode(lr, period);
  EXPECT_NEAR(found.mean, expected, 5 * found.standard_error + 0.15 * lr)
      << "lr " << lr << " H " << period << " seed=" << testing::seed();
}

TEST(SlowSde, TheEquationHasItsLimits) {
  EXPECT_NEAR(drift_ode(0.01, 1), 0.8742, 1e-4);
  EXPECT_NEAR(drift_ode(0.01, 100), 0.3688, 1e-4);
  EXPECT_NEAR(drift_ode(0.02, 50), 0.3672, 1e-4);
}

TEST(SlowSde, SynchronousLimit) {
  expect_drift(0.02, 1);
}
TEST(SlowSde, PeriodOfOneOverTheRate) {
  expect_drift(0.02, 50);
}
TEST(SlowSde, LongPeriodsDriftKTimesFaster) {
  expect_drift(0.02, 1000);
}

}  // namespace
}  // namespace drift
