// The plan file and the plan cache, with plans that cuDNN makes in milliseconds: a file pins what it names, is refused
// where it does not belong, and gains what is new; one plan serves every thread.
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <thread>

#include "core/check.h"
#include "kernels/cuda/cudnn/plan_cache.h"
#include "tests/cuda/planning.h"
#include "tests/support/error_of.h"
#include "tests/support/require_gpu.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSm = 90;

// A forward convolution of `channels` to as many; the memory is never looked at.
Conv2dForward convolution(std::int64_t channels) {
  static float anything = 0;
  const Shape image{8, 16, 16, channels};
  return {.window = {3, 1, 1},
          .x = {&anything, image, DType::kFloat32},
          .w = {&anything, {channels, 3, 3, channels}, DType::kFloat32},
          .bias = {},
          .y = {&anything, image, DType::kFloat32}};
}

std::string key(std::int64_t channels) {
  return key_of(graph_of(convolution(channels), false));
}

class PlanFile : public ::testing::Test {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }

  // What a run that needs plans for these channels is told about them.
  std::map<std::string, std::string> run(const std::vector<std::int64_t>& channels) const {
    Explanations explanations;
    const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
    const auto backend = make_planning_backend(*stream, device_properties(kSm), explanations.options(file_.string()));
    for (const std::int64_t count : channels) backend->conv2d_forward(convolution(count));
    return explanations.plans();
  }

  Json read() const {
    std::ifstream stream(file_);
    return Json::parse(stream);
  }
  void write(const Json& json) const {
    std::ofstream stream(file_);
    stream << json.dump();
  }
  // The message of the error that a run with this file ends with.
  std::string refusal(const Json& json) const {
    write(json);
    try {
      run({16});
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  }

  TempDirectory directory_;
  std::filesystem::path file_ = directory_ / "plans.json";
};

class BatchNormPlan : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }
};
INSTANTIATE_TEST_SUITE_P(Devices, BatchNormPlan, ::testing::ValuesIn(planned_architectures()));

TEST_F(PlanFile, PinsWhatItNamesAndGainsWhatIsNew) {
  const std::string first = run({16}).at(key(16));
  EXPECT_EQ(first.find("(plan file)"), std::string::npos);
  ASSERT_EQ(read()["plans"].size(), 1u);
  const std::string engine = read()["plans"][key(16)]["engine"];
  EXPECT_EQ(first.find(engine), 0u);

  const auto second = run({16, 32});
  EXPECT_EQ(second.at(key(16)).find(engine + " (plan file)"), 0u) << second.at(key(16));
  EXPECT_EQ(second.at(key(32)).find("(plan file)"), std::string::npos);
  EXPECT_EQ(read()["plans"].size(), 2u);
  EXPECT_EQ(read()["plans"][key(16)]["engine"], engine);

  run({32});
  EXPECT_EQ(read()["plans"].size(), 2u) << "entries that a run did not need are kept";
}

TEST_F(PlanFile, IsObeyedAgainstTheHeuristics) {
  run({16});
  Json json = read();
  const std::string chosen = json["plans"][key(16)]["engine"];
  // The refusal of an engine that does not exist lists those that do.
  Json unknown = json;
  unknown["plans"][key(16)]["engine"] = "eng999";
  const std::string message = refusal(unknown);
  EXPECT_NE(message.find("eng999"), std::string::npos) << message;
  EXPECT_NE(message.find(key(16)), std::string::npos) << message;
  EXPECT_NE(message.find(chosen), std::string::npos) << message;

  const std::string other = "eng0";  // the plain engine, which is always among them
  ASSERT_NE(chosen, other);
  json["plans"][key(16)]["engine"] = other;
  write(json);
  EXPECT_EQ(run({16}).at(key(16)).find(other + " (plan file)"), 0u);
}

TEST_F(PlanFile, OfAnotherPlaceIsRefused) {
  run({16});
  const Json good = read();
  Json json = good;
  json["cudnn"] = "9.1.0";
  EXPECT_NE(refusal(json).find("made with cuDNN 9.1.0, this is cuDNN " + cudnn_version()), std::string::npos);
  json = good;
  json["device"] = "NVIDIA A100, sm_80";
  EXPECT_NE(refusal(json).find("made for NVIDIA A100, sm_80, this is "), std::string::npos);
  json = good;
  json["format"] = 2;
  EXPECT_NE(refusal(json).find("format 2 is not 1"), std::string::npos);
  json = good;
  json["plans"][key(16)].erase("engine");
  EXPECT_NE(refusal(json).find("not a plan file"), std::string::npos);
  EXPECT_NE(refusal("text").find("not a plan file"), std::string::npos);
  EXPECT_EQ(refusal(good), "");
}

TEST_F(PlanFile, NeedsItsFolder) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  EXPECT_THROW(make_planning_backend(*stream, device_properties(kSm),
                                     {.plan_file = (directory_ / "none" / "plans.json").string()}),
               Error);
}

TEST_F(PlanFile, IsOneForAllUsersOfADevice) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const auto first = make_planning_backend(*stream, device_properties(kSm), {.plan_file = file_.string()});
  EXPECT_THROW(make_planning_backend(*stream, device_properties(kSm), {}), Error);
  EXPECT_NO_THROW(make_planning_backend(*stream, device_properties(80), {}));
}

// Where the blocks of a batch norm leave each other their sums, there is room for one of each multiprocessor.
TEST_P(BatchNormPlan, LeavesMultiprocessorsToNcclAndOtherWorkers) {
  static float anything = 0;
  const TensorView x{&anything, {128, 32, 32, 16}, DType::kBFloat16}, channels{&anything, {16}, DType::kFloat32};
  Explanations explanations;
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const auto build = [&](int reserved, int workers) {
    BackendOptions options = explanations.options();
    options.nccl_multiprocessors = reserved;
    options.backends_on_device = workers;
    const auto backend = make_planning_backend(*stream, device_properties(GetParam()), options);
    backend->batch_norm_forward(
        {.x = x, .gamma = channels, .beta = channels, .y = x, .mean = channels, .inv_std = channels});
    backend->batch_norm_backward({.dy = x,
                                  .x = x,
                                  .mean = channels,
                                  .inv_std = channels,
                                  .gamma = channels,
                                  .dx = x,
                                  .dgamma = channels,
                                  .dbeta = channels});
  };
  build(0, 1);
  build(60, 1);
  build(20, 2);
  for (const std::string kind : {"batch_norm_forward", "batch_norm_backward"}) {
    const auto workspace = [&](const std::string& limit) {
      const std::string line = explanations.plans().at(kind + " bf16 nhwc x [128,32,32,16]" + limit);
      const std::string_view before = "workspace ";
      return std::stoi(line.substr(line.find(before) + before.size()));
    };
    EXPECT_LT(workspace(" on 72 multiprocessors"), 0.6 * workspace("")) << kind;  // of 132
    EXPECT_LT(workspace(" on 56 multiprocessors"), workspace(" on 72 multiprocessors")) << kind;
  }
  for (const auto& [reserved, workers] : {std::pair{129, 1}, std::pair{0, 34}}) {
    const Error error = error_of([&] { build(reserved, workers); });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig);
    EXPECT_NE(error.message().find(fmt::format("has 132 multiprocessors, of which --nccl-multiprocessors takes {}, and "
                                               "its {} workers need 4 each",
                                               reserved, workers)),
              std::string::npos)
        << error.message();
  }
}

// On the device itself; which engine that is may change from time to time.
TEST_F(PlanFile, KeepsTheFastestEngineOfAll) {
  constexpr std::int64_t kChannels = 16;
  const std::unique_ptr<Stream> stream = make_stream(default_device(), 1);
  const Shape image{2, 6, 6, kChannels}, kernel{kChannels, 3, 3, kChannels};
  const Storage x(stream->device(), 1 << 14), w(stream->device(), 1 << 14), y(stream->device(), 1 << 14);
  const Conv2dForward convolution{.window = {3, 1, 1},
                                  .x = {x.data(), image, DType::kBFloat16},
                                  .w = {w.data(), kernel, DType::kBFloat16},
                                  .bias = {},
                                  .y = {y.data(), image, DType::kBFloat16}};
  const auto run = [&](bool timed) {
    Explanations explanations;
    BackendOptions options = explanations.options(file_.string());
    options.time_plans = timed;
    const std::unique_ptr<Backend> backend = make_backend(*stream, options);
    for (const TensorView& input : {convolution.x, convolution.w}) backend->fill(input, 1);
    backend->conv2d_forward(convolution);
    return explanations.plans().begin()->second;
  };
  const std::string found = run(true);
  EXPECT_NE(found.find(", fastest of "), std::string::npos) << found;
  EXPECT_EQ(found.find(", fastest of 1 at"), std::string::npos) << found;
  const std::string engine = found.substr(0, found.find(','));
  for (const bool timed : {true, false}) {
    const std::string again = run(timed);
    EXPECT_TRUE(again.starts_with(engine + " (plan file)")) << again;
    EXPECT_EQ(again.find("fastest"), std::string::npos) << again;
  }
}

// Engines are tried on memory for every operand.
TEST_F(PlanFile, KeepsTheFastestEngineWithAnAddend) {
  const std::unique_ptr<Stream> stream = make_stream(default_device(), 1);
  const Shape image{1, 4, 16, 32}, kernel{32, 3, 3, 32};
  const Storage dy(stream->device(), 1 << 12), w(stream->device(), 1 << 15), dx(stream->device(), 1 << 12),
      addend(stream->device(), 1 << 12);
  Explanations explanations;
  BackendOptions options = explanations.options(file_.string());
  options.time_plans = true;
  const Conv2dBackwardData gradient{.window = {3, 1, 1},
                                    .dy = {dy.data(), image, DType::kBFloat16},
                                    .w = {w.data(), kernel, DType::kBFloat16},
                                    .dx = {dx.data(), image, DType::kBFloat16},
                                    .addend = {addend.data(), image, DType::kBFloat16}};
  const std::unique_ptr<Backend> backend = make_backend(*stream, options);
  for (const TensorView& input : {gradient.dy, gradient.w, gradient.addend}) backend->fill(input, 1);
  backend->conv2d_backward_data(gradient);
  const auto& [key, found] = *explanations.plans().begin();
  EXPECT_TRUE(key.ends_with(" addend")) << key;
  EXPECT_NE(found.find(", fastest of "), std::string::npos) << found;
}

TEST_F(PlanFile, OnePlanServesAllThreads) {
  Explanations explanations;
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const auto first = make_planning_backend(*stream, device_properties(kSm), explanations.options());
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto backend = make_planning_backend(*stream, device_properties(kSm), explanations.options());
        for (const std::int64_t channels : {16, 24, 32, 48}) backend->conv2d_forward(convolution(channels));
      });
    }
  }
  EXPECT_EQ(explanations.plans().size(), 4u);
  EXPECT_EQ(explanations.twice(), std::vector<std::string>{});
}

// cuDNN's batch norm wants channels in multiples of 8.
TEST_F(PlanFile, AnImpossiblePlanSaysWhatWasAskedOfWhom) {
  const PlanTarget target = read_plan_target(device_properties(kSm));
  PlanCache cache(target.device, {});
  const GraphRequest impossible = BatchNormForwardGraph{.x = {2, 4, 4, 3}, .dtype = DType::kBFloat16};
  for (int time = 0; time < 2; ++time) {
    try {
      cache.plan(impossible, target, {});
      ADD_FAILURE() << "there is a plan";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kDevice);
      for (const std::string& part : {key_of(impossible), std::string("sm_90"), cudnn_version(), std::string("Try ")}) {
        EXPECT_NE(error.message().find(part), std::string::npos) << part << " in: " << error.message();
      }
    }
  }
}

}  // namespace
}  // namespace drift::testing
