// Teams whose processes have a GPU each, over NCCL: processes that are threads, with two devices. What the transport
// moves, and that a run has the bits of one process on one GPU.
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <thread>

#include "comm/averaging.h"
#include "comm/job.h"
#include "comm/nccl.h"
#include "kernels/cuda.h"
#include "tests/comm/loopback.h"
#include "tests/support/error_of.h"
#include "tests/support/require_gpu.h"
#include "tests/train/toy_run.h"

namespace drift::testing {
namespace {

class NcclTeam : public ::testing::Test {
 protected:
  void SetUp() override {
    DRIFT_NEEDS_GPU();
    if (!have_nccl()) GTEST_SKIP() << "this build has no NCCL";
    if (cuda_device_count() < 2) GTEST_SKIP() << "there are less than two GPUs";
  }

  // Runs `process` as each of two, on cuda:0 and cuda:1.
  static void run_processes(const std::function<void(const Job&)>& process) {
    const auto mail = std::make_shared<Mailboxes>(2);
    std::vector<std::jthread> threads;
    for (int p = 0; p < 2; ++p) {
      threads.emplace_back([&, p] {
        const Job job = join_job(std::make_shared<Loopback>(mail, p), {});
        process(on_gpus(job, {DeviceType::kCuda, p}, {.timeout_seconds = 60}));
      });
    }
  }
};

void check_means(const Job& job, Reduce reduce, Backend& backend) {
  const auto communicators = make_communicators(job.team_of(2), reduce);
  for (const std::size_t n : {std::size_t{1}, std::size_t{1000}, std::size_t{300000}}) {
    std::vector<float> host(n);
    for (std::size_t i = 0; i < n; ++i) host[i] = static_cast<float>(i % 97) + 2.0f * static_cast<float>(job.process);
    const Storage memory(*job.device, n * sizeof(float), job.transport->memory());
    const std::span<float> values(static_cast<float*>(memory.data()), n);
    backend.upload(host.data(), as_tensor(values));
    communicators.front()->all_reduce_mean(values, backend);
    const std::vector<float> mean = downloaded(values, backend);
    for (std::size_t i = 0; i < n; ++i) ASSERT_EQ(mean[i], static_cast<float>(i % 97) + 1.0f) << i << " of " << n;
    if (job.process == 1) backend.fill(as_tensor(values), 7);
    communicators.front()->broadcast(values, 1, backend);
    EXPECT_EQ(downloaded(values, backend).back(), 7);
  }
  communicators.front()->barrier();
}

// One backend for both: where it goes, page-locked memory is freed, and that may wait for all GPUs of a program, also
// for the other process's, which would be ahead here and wait for this one.
TEST_F(NcclTeam, TheMeanIsThatOfAllWorkers) {
  run_processes([](const Job& job) {
    const std::unique_ptr<Stream> stream = make_stream(*job.device, 1);
    const std::unique_ptr<Backend> backend = make_backend(*stream);
    check_means(job, Reduce::kTree, *backend);
    check_means(job, Reduce::kFast, *backend);
    EXPECT_TRUE(job.transport->sum_name().starts_with("ncclAllReduce of NCCL 2.")) << job.transport->sum_name();
  });
}

// Two synchronous steps of each kind, then rounds of two with momentum averaged.
TrainConfig config_of(int workers) {
  TrainConfig config = toy_config(workers, 2, 8);
  config.sync.algorithm = Algorithm::kPostLocal;
  config.sync.switch_step = 4;
  config.sync.scope.momentum = MomentumSync::kAverage;
  config.sync.outer = {Outer::kSlowMo, 0.7, 0.8};
  config.machine.device = "cuda:0";
  return config;
}

TEST_F(NcclTeam, ARunHasTheBitsOfOneProcess) {
  const DataSource data = toy_data(48);
  for (const int workers : {2, 4}) {
    TrainConfig config = config_of(workers);
    config.machine.nccl_multiprocessors = workers == 2 ? 0 : 16;
    if (workers == 2) config.sync.wire.type = DType::kBFloat16;
    StepLog log;
    Trainer alone(config, data);
    run_to(alone, 8, log);
    const Checkpoint whole = alone.checkpoint();
    const EvalRecord evaluation = alone.evaluate();
    config.processes.reduce = workers == 2 ? Reduce::kTree : Reduce::kFast;  // of two sums there is one order only
    run_processes([&](const Job& job) {
      SCOPED_TRACE(fmt::format("K {}, process {}", workers, job.process));
      const Membership membership = job.team_of(workers);
      StepLog steps;
      Trainer trainer(config, data, membership);
      run_to(trainer, 8, steps);
      const Checkpoint part = trainer.checkpoint();
      for (int place = 0; place < membership.team.local_workers(); ++place) {
        const auto worker = static_cast<std::size_t>(membership.team.first_worker() + place);
        EXPECT_EQ(part.workers[static_cast<std::size_t>(place)], whole.workers[worker]) << "worker " << worker;
      }
      EXPECT_EQ(losses(steps.steps), job.process == 0 ? losses(log.steps) : std::vector<double>());
      for (std::size_t i = 0; i < steps.steps.size(); ++i) {  // replayed averages count too
        EXPECT_EQ(steps.steps[i].bytes, log.steps[i].bytes) << "step " << i;
      }
      ASSERT_EQ(steps.rounds.size(), job.process == 0 ? log.rounds.size() : 0);
      for (std::size_t i = 0; i < steps.rounds.size(); ++i) {
        EXPECT_EQ(steps.rounds[i].update, log.rounds[i].update) << "round " << i;
        EXPECT_EQ(steps.rounds[i].consensus, log.rounds[i].consensus) << "round " << i;
      }
      const EvalRecord mine = trainer.evaluate();
      EXPECT_EQ(mine.loss, evaluation.loss);
      EXPECT_EQ(mine.correct, evaluation.correct);
    });
  }
}

TEST_F(NcclTeam, AbortEndsWhatIsUnderWay) {
  run_processes([](const Job& job) {
    const std::unique_ptr<Stream> stream = make_stream(*job.device, 1);
    const Storage memory(*job.device, sizeof(float), job.transport->memory());
    const std::span<float> values(static_cast<float*>(memory.data()), 1);
    if (job.process == 1) {  // comes, and sends nothing
      job.control->gather("asked", "");
      job.transport->abort("process 1 gave up");
      EXPECT_EQ(error_of([&] { job.transport->barrier(); }).message(), "process 1 gave up");
      return;
    }
    const std::vector<Transport::Receive> receives{{values, 1}};
    job.transport->start({}, receives, *stream);
    job.control->gather("asked", "");
    stream->synchronize();  // its watcher sees that the other is gone
    const Error error = error_of([&] { job.transport->start({}, receives, *stream); });
    EXPECT_EQ(error.kind(), ErrorKind::kComm);
    EXPECT_NE(error.message().find("NCCL: "), std::string::npos) << error.message();
  });
}

TEST_F(NcclTeam, NamesWhatItCannotMove) {
  run_processes([](const Job& job) {
    const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
    const Error error = error_of([&] { job.transport->start({}, {}, *stream); });
    EXPECT_NE(error.message().find("these workers are on cpu"), std::string::npos) << error.message();
    job.control->gather("end", "");
  });
}

}  // namespace
}  // namespace drift::testing
