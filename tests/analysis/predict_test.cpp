// The model behind drift predict against closed forms, the emulated link and brute force.
#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "analysis/predict/model.h"
#include "analysis/predict/predictions.h"
#include "comm/collective.h"
#include "core/rng.h"
#include "tests/support/error_of.h"
#include "tests/support/seed.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

constexpr double kFloat = sizeof(float);

// Two weights, of which the tail's gradient is final after a quarter of backward, and a norm.
StepMeasurement small_network() {
  return {.model = "toy",
          .origin = "by hand",
          .workers_per_process = 1,
          .local_batch = 10,
          .forward = 1,
          .backward = 2,
          .update = 0.5,
          .floats = 1100,
          .decayed = 1000,
          .weights = {{.begin = 0, .final = 2}, {.begin = 600, .final = 0.5}}};
}

LinkOptions link_of(double bytes_per_second, double latency = 0) {
  return {.bytes_per_second = bytes_per_second, .latency_seconds = latency};
}

AveragingSetting behind(int processes, const LinkOptions& link) {
  return {.processes = processes, .link = link, .overlap = false};
}

AveragingSetting beside(int processes, const LinkOptions& link, std::int64_t bucket_bytes) {
  return {.processes = processes, .link = link, .overlap = true, .bucket_bytes = bucket_bytes};
}

TEST(Predict, BehindBackwardAnAverageIsItsBytesAndTwoLatencies) {
  const StepMeasurement network = small_network();
  for (const int processes : {2, 4, 11}) {
    const Prediction step = Predictor(network, behind(processes, link_of(1000, 0.25))).at(1);
    const double bytes = 2.0 * (processes - 1) / processes * network.floats * kFloat;
    EXPECT_NEAR(step.exposed, bytes / 1000 + 2 * 0.25, 1e-9) << processes;
    EXPECT_NEAR(step.seconds, 3.5 + step.exposed, 1e-9);
    EXPECT_DOUBLE_EQ(step.bytes, static_cast<double>(bytes_on_wire(Collective::kAllReduceMean, 1100, processes)));
    EXPECT_NEAR(step.images_per_second, 10 * processes / step.seconds, 1e-9);
  }
}

TEST(Predict, OneProcessExchangesNothing) {
  StepMeasurement network = small_network();
  EXPECT_EQ(Predictor(network, behind(1, link_of(1))).at(1).seconds, 3.5);
  network.workers_per_process = 2;
  network.behind.per_byte = 1e-4;
  EXPECT_NEAR(Predictor(network, behind(1, link_of(1))).at(1).seconds, 3.5 + 1e-4 * 4400, 1e-9);
}

// The tail's 400 floats leave at 0.5, the other weights and the norm at 2, when backward ends.
TEST(Predict, BucketsGoWhileBackwardGoesOn) {
  const StepMeasurement network = small_network();
  const AveragingTimes fast = averaging_times(network, beside(2, link_of(4000), 1600), 1);
  EXPECT_NEAR(fast.exposed, 2 * (600 + 100) / 2 * kFloat / 4000, 1e-9) << "the tail is there before backward ends";
  const AveragingTimes slow = averaging_times(network, beside(2, link_of(400), 1600), 1);
  EXPECT_NEAR(slow.exposed, 0.5 + 4400.0 / 400 - 2, 1e-9) << "the link is never idle from 0.5 on";
}

TEST(Predict, WhatTheThreadDoesWithinBackwardMakesItLonger) {
  StepMeasurement network = small_network();
  network.overlapped = {.per_bucket = 0.1, .per_byte = 1e-4};
  const AveragingTimes times = averaging_times(network, beside(2, link_of(1e12), 1600), 1);
  EXPECT_NEAR(times.taken, 0.1 + 1600e-4, 1e-9);
  EXPECT_NEAR(times.exposed, 2 * 0.1 + 2800e-4, 1e-7);
  EXPECT_NEAR(Predictor(network, beside(2, link_of(1e12), 1600)).at(1).seconds, 3.5 + 0.26 + 0.48, 1e-7);
}

// The second bucket is late by what the thread took for the first, which is on its way by then.
TEST(Predict, WhatTheThreadTakesDelaysTheBucketsBehind) {
  StepMeasurement network = small_network();
  network.floats = network.decayed = 1000;
  network.weights = {{.begin = 0, .final = 0.6}, {.begin = 600, .final = 0.5}};
  network.overlapped.per_bucket = 0.2;
  const AveragingTimes times = averaging_times(network, beside(2, link_of(1e15, 2), 1600), 1);
  // 0.5: the first; 0.7: on its way; 0.8: the second is final; 2.7: parts are there; 2.9: on its way; 4.9; 6.9.
  EXPECT_NEAR(times.taken, 0.2, 1e-9);
  EXPECT_NEAR(times.exposed, 6.9 - 2.2, 1e-9);
}

TEST(Predict, NormsAreFinalWhenBackwardEnds) {
  StepMeasurement network = small_network();
  network.weights[0].final = 1.5;
  const AveragingTimes times = averaging_times(network, beside(2, link_of(40000), 1600), 1);
  EXPECT_NEAR(times.exposed, 400.0 / 40000, 1e-9) << "the weights are through by then";
}

// Every process of a team as a model of its own, message by message, in the order of comm/exchange.h.
TEST(Predict, OneProcessStandsForAll) {
  constexpr int kProcesses = 5;
  constexpr std::int64_t kShare = 880;
  StepMeasurement network = small_network();
  const LinkOptions options{.bytes_per_second = 300, .latency_seconds = 0.125};
  std::vector<LinkModel> links;
  for (int process = 0; process < kProcesses; ++process) links.emplace_back(options, process);
  double now = 0;
  for (int pass = 0; pass < 2; ++pass) {
    std::vector<std::vector<double>> travelled(kProcesses, std::vector<double>(kProcesses));
    for (int from = 0; from < kProcesses; ++from) {
      for (int turn = 1; turn < kProcesses; ++turn) {
        const int to = (from + turn) % kProcesses;
        travelled[static_cast<std::size_t>(to)][static_cast<std::size_t>(from)] =
            links[static_cast<std::size_t>(from)].send(now, kShare);
      }
    }
    double end = 0;
    for (int to = 0; to < kProcesses; ++to) {
      for (int from = 0; from < kProcesses; ++from) {
        if (from == to) continue;
        const double when = travelled[static_cast<std::size_t>(to)][static_cast<std::size_t>(from)];
        end = std::max(end, links[static_cast<std::size_t>(to)].receive(when, kShare));
      }
    }
    now = end;
  }
  EXPECT_NEAR(averaging_times(network, behind(kProcesses, options), 1).exposed, now, 1e-9);
}

TEST(Predict, AMessageTakesItsTimeOfTheLink) {
  StepMeasurement network = small_network();
  network.message = 0.5;
  EXPECT_NEAR(averaging_times(network, behind(3, link_of(1000)), 1).exposed, 2 * 2 * (0.5 + 4400 / 3.0 / 1000), 4e-3);
}

TEST(Predict, TheSlowestOfManyIsWaitedFor) {
  EXPECT_NEAR(expected_maximum(1), 0, 1e-12);
  EXPECT_NEAR(expected_maximum(2), 1 / std::sqrt(M_PI), 1e-6);
  EXPECT_NEAR(expected_maximum(3), 1.5 / std::sqrt(M_PI), 1e-6);
  EXPECT_NEAR(expected_maximum(1000), 3.24144, 1e-4);
  StepMeasurement network = small_network();
  network.spread = 0.1;
  const Predictor predictor(network, behind(2, link_of(1e15)));
  EXPECT_NEAR(predictor.at(1).waiting, 0.1 * expected_maximum(2), 1e-9);
  EXPECT_NEAR(predictor.at(16).waiting, 0.1 * expected_maximum(2) / 4, 1e-9) << "per step, over a round";
  double round = predictor.seconds_of(Sync::kParameters, 16);
  for (int step = 1; step < 16; ++step) round += predictor.seconds_of(Sync::kNone, 16);
  EXPECT_NEAR(round / 16, predictor.at(16).seconds, 1e-9) << "step by step";
  EXPECT_NEAR(predictor.seconds_of(Sync::kGradients, 1), predictor.at(1).seconds, 1e-9);
}

TEST(Predict, TheRangeIsThatOfTheMeasurements) {
  StepMeasurement network = small_network();
  network.noise = 0.1;
  network.behind.noise = 0.4;
  const Prediction step = Predictor(network, behind(2, link_of(1000))).at(4);
  EXPECT_NEAR(step.high - step.seconds, 0.1 + 0.4 / 4, 1e-9);
  EXPECT_NEAR(step.seconds - step.low, 0.1 + 0.4 / 4, 1e-9);
}

TEST(Predict, MomentumThatIsAveragedTooGoesOnlyAtTheEndOfRounds) {
  AveragingSetting setting = behind(2, link_of(1000));
  setting.arenas = 2;
  const Predictor predictor(small_network(), setting);
  EXPECT_NEAR(predictor.at(1).exposed, 4.4, 1e-9);
  EXPECT_NEAR(predictor.at(2).exposed, 8.8 / 2, 1e-9);
  EXPECT_NEAR(predictor.at(2).bytes, 4400, 1e-9);
}

StepMeasurement drawn_network(const Rng& rng, std::uint64_t i) {
  const auto draw = [&](std::uint64_t number) { return static_cast<double>(rng.uniform(100 * i + number)); };
  StepMeasurement network = small_network();
  network.forward = draw(0);
  network.backward = draw(1);
  network.spread = 0.1 * draw(2);
  network.overlapped = {.per_bucket = 0.01 * draw(3), .per_byte = 1e-5 * draw(4)};
  network.behind = {.per_byte = 1e-5 * draw(5)};
  network.floats = 1000 + static_cast<std::int64_t>(3e6 * draw(6));
  network.decayed = network.floats - 100;
  network.weights.clear();
  const auto step = std::max<std::int64_t>(1, network.decayed / 7);
  for (std::int64_t begin = 0; begin < network.decayed; begin += step) {
    const double share = 1 - static_cast<double>(begin) / static_cast<double>(network.decayed);
    network.weights.push_back({.begin = begin, .final = share * network.backward});
  }
  return network;
}

// Of random networks: more local steps never make a step longer, and where the averaging thread's own work takes no
// time (with it, what it does first may make what comes later a little earlier), a slower link, more latency and more
// workers never make it shorter. The overlap hides no more than backward.
TEST(Predict, IsMonotone) {
  const Rng rng(testing::seed(), 3);
  for (std::uint64_t i = 0; i < 60; ++i) {
    SCOPED_TRACE(fmt::format("network {}", i));
    const StepMeasurement network = drawn_network(rng, i);
    const double rate = 1e6 * std::pow(10, 3.0 * rng.uniform(100 * i + 50));
    const std::int64_t bytes = 1 + rng.below(100 * i + 51, 4'000'000);
    StepMeasurement free = network;
    free.overlapped = free.behind = {};
    for (const bool overlap : {false, true}) {
      const auto predictor = [&](const StepMeasurement& measurement, int processes, double speed, double latency) {
        AveragingSetting setting = beside(processes, link_of(speed, latency), bytes);
        setting.overlap = overlap;
        return Predictor(measurement, setting);
      };
      constexpr double kRounding = 1e-5;  // shares are whole bytes
      const double step = predictor(free, 4, rate, 1e-4).at(1).seconds + kRounding;
      EXPECT_LE(predictor(free, 4, 2 * rate, 1e-4).at(1).seconds, step);
      EXPECT_LE(predictor(free, 4, rate, 1e-5).at(1).seconds, step);
      EXPECT_LE(predictor(free, 3, rate, 1e-4).at(1).seconds, step);
      const Predictor with_costs = predictor(network, 4, rate, 1e-4);
      for (Step period = 1; period < 100; ++period) {
        EXPECT_LT(with_costs.at(period + 1).seconds, with_costs.at(period).seconds) << period;
      }
    }
    const double hidden = averaging_times(free, behind(4, link_of(rate)), 1).exposed -
                          averaging_times(free, beside(4, link_of(rate), bytes), 1).exposed;
    EXPECT_LE(hidden, network.backward + 1e-5);
    EXPECT_GE(hidden, -1e-5);
  }
}

TEST(Predict, EnoughIsTheFirstHThatDoublingHardlyBetters) {
  const Rng rng(testing::seed(), 4);
  for (std::uint64_t i = 0; i < 40; ++i) {
    const StepMeasurement network = drawn_network(rng, i);
    const Predictor predictor(network, behind(4, link_of(1e6 * std::pow(10, 3.0 * rng.uniform(100 * i + 50)))));
    const Step enough = predictor.enough();
    const auto gain = [&](Step period) {
      return predictor.at(2 * period).images_per_second / predictor.at(period).images_per_second - 1;
    };
    EXPECT_LT(gain(enough), 0.01) << i;
    for (Step period = 1; period < enough; ++period) ASSERT_GE(gain(period), 0.01) << i << ", H = " << period;
  }
}

class MeasurementFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const Json& object) const {
    const std::filesystem::path path = directory_ / "m.json";
    std::filesystem::remove(path);
    JsonLines(path).write(object);
    return path;
  }
  const testing::TempDirectory directory_;
};

TEST_F(MeasurementFile, ComesBackAsItWasWritten) {
  StepMeasurement network = small_network();
  network.noise = 0.125;
  network.spread = 0.25;
  network.overlapped = {.per_bucket = 1e-3, .per_byte = 1e-9, .noise = 1e-4};
  const Json json = measurement_json(network);
  EXPECT_EQ(measurement_json(read_measurement(write(json))), json);
  const PredictionQuestion question = {.periods = {1, 4}, .processes = {2, 8}, .links = {{"slow", link_of(1000)}}};
  const Json whole = Predictions(network, question).json();
  EXPECT_EQ(measurement_json(read_measurement(write(whole))), json) << "of what a prediction left";
  EXPECT_EQ(whole.at("predictions").size(), 4u);
  const std::string text = Predictions(network, question).text();
  EXPECT_NE(text.find("slow  8"), std::string::npos) << text;
  EXPECT_EQ(text.find("something disturbed"), std::string::npos) << text;
  network.spread = 0.5;
  const std::string busy = Predictions(network, question).text();
  EXPECT_NE(busy.find("steps differed by 14 %: something disturbed them"), std::string::npos) << busy;
}

TEST_F(MeasurementFile, WithoutWeightsTakesThoseOfTheNetwork) {
  Json json = measurement_json(small_network());
  json["model"] = "resnet20";
  json.erase("weights");
  const StepMeasurement read = read_measurement(write(json));
  EXPECT_GT(read.floats, 269'000);
  ASSERT_EQ(read.weights.size(), 20u);
  EXPECT_EQ(read.weights.front().begin, 0);
  EXPECT_DOUBLE_EQ(read.weights.front().final, read.backward) << "the first layer's come last";
  json["classes"] = 100;
  EXPECT_EQ(read_measurement(write(json)).floats - read.floats, 90 * (64 + 1));
  EXPECT_TRUE(std::ranges::is_sorted(read.weights, std::ranges::greater(), &StepMeasurement::Weight::final));
}

TEST_F(MeasurementFile, NonsenseIsRefusedByTheNameOfItsKey) {
  const auto expect = [&](const char* key, const Json& value) {
    Json json = measurement_json(small_network());
    json[key] = value;
    const Error error = testing::error_of([&] { read_measurement(write(json)); });
    EXPECT_EQ(error.kind(), ErrorKind::kData);
    EXPECT_NE(error.message().find(fmt::format("\"{}", key)), std::string::npos) << error.message();
  };
  expect("backward", -1);
  expect("backward", "two");
  expect("forward", 1e300);
  expect("local_batch", 0.5);
  expect("local_batch", 0);
  expect("model", 3);
  expect("spread", Json::array());
  expect("overlapped", 3);
  expect("overlapped", {{"per_bucket", -1}, {"per_byte", 0}});
  expect("weights", {{0, 1}, {0, 2}});
  expect("weights", {{0, 3}});
  expect("weights", {{1, 1}});
  expect("weights", 5);
  expect("decayed", 2000);
  expect("workers_per_process", 1e6);
  Json unknown = measurement_json(small_network());
  unknown.erase("weights");
  const Error error = testing::error_of([&] { read_measurement(write(unknown)); });
  EXPECT_EQ(error.kind(), ErrorKind::kData);
  EXPECT_NE(error.message().find("\"model\", of which the file has no \"weights\""), std::string::npos)
      << error.message();
}

}  // namespace
}  // namespace drift
