// A request to stop is heard wherever a session is, for every number of processes: within a batch of what it evaluates
// or re-estimates. What is left goes on to the bits of a run that nobody stopped.
#include "apps/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <thread>

#include "comm/job.h"
#include "data/hold_out.h"
#include "tests/apps/run_files.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"
#include "tests/train/hooked_dataset.h"
#include "tests/train/run_processes.h"
#include "tests/train/toy_run.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

constexpr int kWorkers = 4;
constexpr Step kSteps = 8;

// Evaluations after steps 4 and 8, checkpoints after 2, 4, 6 and 8.
TrainConfig config_of_session() {
  TrainConfig config = toy_config(kWorkers, 3, kSteps);
  config.machine.threads = 1;
  config.length.steps_per_epoch = 4;
  config.evaluation.every = 1;
  config.evaluation.batch = 2;
  config.checkpoints.every = 0.5;
  config.checkpoints.keep = 0;
  config.checkpoints.keep_best = true;
  config.sync.scope.batch_norm = BatchNormPolicy::kReestimate;
  config.sync.scope.bn_batches = 2 * kWorkers;
  return config;
}

// What the thread of a session, and of nobody else, reads.
enum class Reads { kEvaluated, kReestimated };

// One of the processes of a session is asked to stop while it reads an image.
struct Request {
  Reads while_it = Reads::kEvaluated;
  int process = 0;
  std::int64_t image = 0;  // of those that it reads so, from the first step on
};

class SessionProcess {
 public:
  explicit SessionProcess(const std::shared_ptr<Transport>& transport, const TrainConfig& config = config_of_session())
      : config_(config),
        job_(transport->processes() == 1 ? lone_job() : join_job(transport, {})),
        membership_(job_.team_of(kWorkers)),
        data_(hold_out(toy_data(72, 32), 8, 1)) {
    hook(data_.test, Reads::kEvaluated);
    hook(data_.validation, Reads::kEvaluated);
    hook(data_.train, Reads::kReestimated);
  }

  // Returns whether the run is finished. asked: turns true, for all processes, with the request.
  bool run(const fs::path& directory, const std::optional<FoundCheckpoint>& origin, const Request* request,
           std::atomic<bool>& asked, const Clock& clock = steady_clock()) {
    request_ = request;
    asked_ = &asked;
    Trainer trainer(config_, data_, membership_);
    if (origin) trainer.restore(read_checkpoint(origin->directory, membership_.team));
    std::unique_ptr<RunDirectory> run;
    if (job_.process == 0) {
      const RunDescription description{.config = config_, .command = "drift train"};
      run = origin ? RunDirectory::reopen(directory, description, origin->meta.step)
                   : RunDirectory::create(directory, description);
    }
    Session session(config_, membership_, trainer, origin,
                    {.checkpoints = directory / "ckpt", .best = directory / "best", .run = run.get()}, stop_, clock);
    return session.run();
  }
  std::int64_t reads_after() const { return reads_after_; }

 private:
  void hook(std::unique_ptr<Dataset>& data, Reads kind) {
    data = std::make_unique<HookedDataset>(std::move(data), [this, kind](std::int64_t) {
      if (std::this_thread::get_id() != thread_) return;  // a worker
      if (*asked_) ++reads_after_;
      const bool counts = request_ != nullptr && request_->while_it == kind && request_->process == job_.process;
      if (!counts || reads_++ != request_->image) return;
      stop_ = true;
      *asked_ = true;
    });
  }

  const TrainConfig config_;
  const std::thread::id thread_ = std::this_thread::get_id();
  Job job_;
  Membership membership_;
  DataSource data_;
  const Request* request_ = nullptr;
  std::atomic<bool>* asked_ = nullptr;
  std::atomic<bool> stop_ = false;
  std::int64_t reads_ = 0, reads_after_ = 0;
};

class SessionStops : public ::testing::TestWithParam<int> {
 protected:
  // Runs the session in all processes; with a request, all are to stop.
  void run(int processes, const fs::path& directory, const std::optional<FoundCheckpoint>& origin,
           const Request* request) {
    std::atomic<bool> asked = false;
    run_processes(processes, [&](const std::shared_ptr<Transport>& transport) {
      SessionProcess process(transport);
      EXPECT_EQ(process.run(directory, origin, request, asked), request == nullptr);
      const std::int64_t batch = request != nullptr && request->while_it == Reads::kEvaluated ? 2 : 4;
      EXPECT_LE(process.reads_after(), batch) << "in process " << transport->process();
    });
    EXPECT_EQ(asked.load(), request != nullptr);
  }
  TempDirectory directory_;
};

TEST_P(SessionStops, WithinABatchOfAnEvaluationOrReestimation) {
  run(1, directory_ / "whole", std::nullopt, nullptr);
  const int processes = GetParam();
  const TrainConfig config = config_of_session();
  // Each reads the same number of images every time.
  const std::int64_t evaluated = (32 + 8) / processes;
  const std::int64_t reestimated = config.sync.scope.bn_batches / processes * config.sync.local_batch;
  int number = 0;
  for (const auto& [kind, images, every] :
       {std::tuple(Reads::kEvaluated, evaluated, 1), std::tuple(Reads::kReestimated, reestimated, 2)}) {
    for (int turn = 0; turn < 2; ++turn) {
      const std::uint64_t draw = seed() + static_cast<std::uint64_t>(number);
      const int time = turn * every + static_cast<int>(draw % static_cast<std::uint64_t>(every));
      const Request request{.while_it = kind,
                            .process = static_cast<int>(draw % static_cast<std::uint64_t>(processes)),
                            .image = time * images + static_cast<std::int64_t>(draw / 7 % (images / 2))};
      SCOPED_TRACE(fmt::format("seed={} stop in process {} of {} at image {} of those it {}", seed(), request.process,
                               processes, request.image,
                               kind == Reads::kEvaluated ? "evaluates" : "re-estimates from"));
      const fs::path path = directory_ / std::to_string(number++);
      run(processes, path, std::nullopt, &request);
      run(processes, path, look_at_checkpoint(path), nullptr);
      EXPECT_EQ(timeless_metrics(path), timeless_metrics(directory_ / "whole"));
      for (const char* step : {"step-2", "step-4", "step-6", "step-8"}) {
        expect_same_checkpoint(directory_ / "whole/ckpt" / step, path / "ckpt" / step);
      }
      const std::vector<fs::path> best = checkpoints_in(directory_ / "whole/best");
      ASSERT_EQ(best.size(), 1u);
      expect_same_checkpoint(best.front(), path / "best" / best.front().filename());
      EXPECT_EQ(checkpoints_in(path / "best").size(), 1u);
    }
  }
}

// Whoever looks at it sees that half a minute is over.
class HurryingClock final : public Clock {
 public:
  double seconds() const override { return 30.0 * looks_++; }

 private:
  mutable int looks_ = 0;
};

TEST_P(SessionStops, ItWritesCheckpointsBecauseTheLastIsOld) {
  TrainConfig config = config_of_session();
  config.checkpoints.every = 0;
  config.checkpoints.minutes = 2;
  config.evaluation.every = 0;
  run_processes(GetParam(), [&](const std::shared_ptr<Transport>& transport) {
    std::atomic<bool> asked = false;
    const HurryingClock clock;
    EXPECT_TRUE(SessionProcess(transport, config).run(directory_ / "run", std::nullopt, nullptr, asked, clock));
  });
  const fs::path ckpt = directory_ / "run/ckpt";
  const std::vector<fs::path> checkpoints = checkpoints_in(ckpt);
  ASSERT_GE(checkpoints.size(), 3u);
  EXPECT_EQ(checkpoints.back(), ckpt / "step-8");
  EXPECT_FALSE(look_at_checkpoint(ckpt / "step-8").meta.provisional);
  EXPECT_TRUE(look_at_checkpoint(checkpoints.front()).meta.provisional) << "written without delay";
  run(1, directory_ / "whole", std::nullopt, nullptr);
  expect_same_checkpoint(directory_ / "whole/ckpt/step-8", ckpt / "step-8");
}

INSTANTIATE_TEST_SUITE_P(Processes, SessionStops, ::testing::Values(1, 2, 4));

}  // namespace
}  // namespace drift::testing
