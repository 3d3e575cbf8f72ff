// What drift predict makes of recorded runs, which are written by hand: whole milliseconds; and of round trips.
#include "analysis/predict/measure.h"

#include <array>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <thread>
#include <vector>

#include "analysis/predict/link_probe.h"
#include "models/dry_model.h"
#include "tests/analysis/profiled_run.h"
#include "tests/comm/loopback.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

using testing::kMs;
using testing::ms;
using testing::TempDirectory;

const ProfiledOp kForward = {.op = "conv2d_forward", .part = "forward", .layer = "conv1"};
const ProfiledOp kLinear = {.op = "linear_backward", .part = "backward", .layer = "linear"};
const ProfiledOp kFirst = {.op = "conv2d_backward_weights", .part = "backward", .layer = "conv1"};
const ProfiledOp kCheck = {.op = "count_non_finite", .part = "other", .layer = ""};

constexpr std::int64_t kLate = 4;

struct OneWorker {
  int number = 0;
  std::int64_t late = 0;  // ms, in its forward
};

// 4 ms before backward, the last layer's gradients after 2 ms of it, the first's after 10, 1 ms behind. Where it
// averages, all workers wait until the last one is ready, and `average` ms more. A round's end checks for 2 ms.
ProfiledStep step_of(Step step, Sync sync, const OneWorker& worker, std::int64_t average, ProfileFile& file) {
  ProfiledStep made = {.step = step, .worker = worker.number, .sync = sync, .period = 4};
  const std::int64_t backward = 4 + worker.late;
  made.calls = {{.op = file.id_of(kForward), .time = ms(0, backward)},
                {.op = file.id_of(kLinear), .time = ms(backward, backward + 2)},
                {.op = file.id_of(kFirst), .time = ms(backward + 2, backward + 10)}};
  std::int64_t end = backward + 11;
  if (sync == Sync::kParameters) {
    made.calls.push_back({.op = file.id_of(kCheck), .time = ms(end, end + 2)});
    end += 2;
  }
  if (sync != Sync::kNone) {
    const std::int64_t last = end + (kLate - worker.late) + average;
    made.waits = {{.ready = end * kMs, .time = ms(end, last), .elements = 4, .bytes = 16}};
    end = last;
  }
  made.duration = end * kMs;
  return made;
}

class Measure : public ::testing::Test {
 protected:
  // Worker 1 is always later, and worker 0 waits for it.
  Profile recorded(const char* name, std::int64_t average, int workers = 2) {
    const std::filesystem::path run = directory_ / name;
    std::filesystem::create_directories(run / "profile");
    ProfileSession session = testing::session_of(0, 1);
    session.workers = workers;
    ProfileFile file(profile_path(run, 0), session);
    for (Step step = 0; step < 24; ++step) {
      const Sync sync = step < 8 ? Sync::kGradients : step % 4 == 3 ? Sync::kParameters : Sync::kNone;
      for (int worker = 0; worker < workers; ++worker) {
        file.write(step_of(step, sync, {.number = worker, .late = worker == 1 ? kLate : 0}, average, file));
      }
    }
    file.write_end();
    return read_profile(run);
  }

  const TempDirectory directory_;
  const std::unique_ptr<Model> model_ = make_dry_model({.name = "cifar-resnet8"});
};

constexpr LinkOptions kNoLink = {.bytes_per_second = 1e15};

TEST_F(Measure, TellsBucketsFromBytesAndBothFromTheRest) {
  const std::int64_t floats = std::ssize(model_->parameters.values());
  const double bytes = sizeof(float) * static_cast<double>(floats);
  const StepMeasurement measured = measure({.small_buckets = recorded("small", 8),
                                            .large_buckets = recorded("large", 4),
                                            .behind = recorded("behind", 1),
                                            .small_bytes = floats * 4 / 8,
                                            .large_bytes = floats * 4,
                                            .link = kNoLink},
                                           model_->parameters, "by hand");
  EXPECT_NEAR(measured.forward, 5e-3 + 2e-3, 1e-9) << "of both, with what no operation tells of";
  EXPECT_NEAR(measured.backward, 10e-3, 1e-9);
  EXPECT_NEAR(measured.local(), 17e-3, 1e-9);
  EXPECT_NEAR(measured.round_end, 2e-3, 1e-9);
  EXPECT_NEAR(measured.behind.per_byte * bytes, 1e-3, 1e-7);
  // The same model says again what was measured.
  for (const auto& [bucket, ms] : {std::pair(floats * 4 / 8, 8), std::pair(floats * 4, 4)}) {
    const AveragingSetting setting = {.processes = 2, .link = kNoLink, .overlap = true, .bucket_bytes = bucket};
    EXPECT_NEAR(averaging_times(measured, setting, 1).total(), 1e-3 * ms, 1e-6) << bucket;
  }
  ASSERT_EQ(measured.weights.front().begin, 0);
  EXPECT_NEAR(measured.weights.front().final, 10e-3, 1e-9) << "conv1";
  EXPECT_NEAR(measured.weights.back().final, 2e-3, 1e-9) << "the linear layer, whose weights are the last";
}

TEST_F(Measure, TheLinkThatWasThereIsNoCostOfAverages) {
  const std::int64_t floats = std::ssize(model_->parameters.values());
  const LinkOptions slow = {.bytes_per_second = 4.0 * static_cast<double>(floats) / 0.5e-3};
  MeasuredRuns runs = {.small_buckets = recorded("small", 8),
                       .large_buckets = recorded("large", 8),
                       .behind = recorded("behind", 8),
                       .small_bytes = 1,
                       .large_bytes = floats * 4,
                       .link = slow};
  for (Profile* const profile : {&runs.small_buckets, &runs.large_buckets, &runs.behind}) {
    for (ProfileSession& session : profile->sessions) session.processes = 2;
  }
  const StepMeasurement measured = measure(runs, model_->parameters, "by hand");
  EXPECT_NEAR(measured.behind.per_byte * 4 * static_cast<double>(floats), 7.5e-3, 1e-6);
  EXPECT_EQ(measured.workers_per_process, 1);
}

TEST_F(Measure, AloneItTakesTheRateOfMemoryForAverages) {
  const auto run = [&](const char* name) { return recorded(name, 1, 1); };
  const StepMeasurement measured = measure({.small_buckets = run("a"),
                                            .large_buckets = run("b"),
                                            .behind = run("c"),
                                            .small_bytes = 1,
                                            .large_bytes = 1 << 20,
                                            .link = kNoLink},
                                           model_->parameters, "by hand");
  EXPECT_NEAR(measured.behind.per_byte, 5 / 1e9, 1e-15) << "five passes at 1 GB/s";
  EXPECT_EQ(measured.overlapped.per_byte, measured.behind.per_byte);
}

TEST_F(Measure, NeedsStepsOfAllKinds) {
  Profile local = recorded("small", 8);
  std::erase_if(local.steps, [](const auto& step) { return step.of.sync == Sync::kParameters; });
  const Error error = testing::error_of([&] {
    measure({.small_buckets = local,
             .large_buckets = local,
             .behind = local,
             .small_bytes = 1,
             .large_bytes = 1,
             .link = kNoLink},
            model_->parameters, "by hand");
  });
  EXPECT_NE(error.message().find("no round end step was recorded"), std::string::npos) << error.message();
}

TEST(LinkProbe, FindsTheLineThroughRoundTrips) {
  std::vector<RoundTrip> trips;
  for (const std::int64_t bytes : {1'000, 100'000, 10'000'000}) {
    trips.push_back({.bytes = bytes, .seconds = 2 * (50e-6 + static_cast<double>(bytes) / 1.25e9)});
  }
  const LinkOptions link = fit_link(trips);
  EXPECT_NEAR(link.bytes_per_second, 1.25e9, 1);
  EXPECT_NEAR(link.latency_seconds, 50e-6, 1e-12);
  trips.back().seconds *= 1.1;
  EXPECT_NEAR(fit_link(trips).latency_seconds, 50e-6, 5e-6) << "what is off a little does not decide for all";
  trips = {{.bytes = 1, .seconds = 3}, {.bytes = 2, .seconds = 2}};
  EXPECT_GT(fit_link(trips).bytes_per_second, 0) << "noise, and a rate all the same";
  EXPECT_GE(fit_link(trips).latency_seconds, 0);
}

TEST(LinkProbe, AllProcessesLearnTheSame) {
  constexpr int kProcesses = 3;
  const auto mail = std::make_shared<testing::Mailboxes>(kProcesses);
  std::array<LinkOptions, kProcesses> links;
  {
    std::vector<std::jthread> threads;
    for (int process = 0; process < kProcesses; ++process) {
      threads.emplace_back([&, process] {
        testing::Loopback transport(mail, process);
        links[static_cast<std::size_t>(process)] = probe_link(transport);
      });
    }
  }
  for (const LinkOptions& link : links) {
    EXPECT_GT(link.bytes_per_second, 0);
    EXPECT_EQ(link.bytes_per_second, links[0].bytes_per_second);
    EXPECT_EQ(link.latency_seconds, links[0].latency_seconds);
  }
}

}  // namespace
}  // namespace drift
