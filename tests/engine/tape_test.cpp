// The tape and the gradients on it: order of nodes, values used more than once, what each mode records.
#include "engine/tape.h"

#include <gtest/gtest.h>
#include <utility>

#include "engine/gradients.h"
#include "tests/engine/environment.h"

namespace drift {
namespace {

using testing::Environment;
using testing::expect_error;

// Writes its name down when it runs backward.
struct LoggingNode final : Node {
  LoggingNode(std::string label_, std::vector<std::string>& log_) : label(std::move(label_)), log(log_) {}
  ~LoggingNode() override { log.push_back("~" + label); }
  std::string_view name() const override { return label; }
  void backward(Backend&, Gradients&) override { log.push_back(label); }

  std::string label;
  std::vector<std::string>& log;
};

class TapeTest : public ::testing::Test {
 protected:
  Environment environment_;
  Tape tape_{environment_.backend(), environment_.pool(), DType::kFloat32, kTraining};
};

TEST_F(TapeTest, RunsBackwardInReverseAndDropsEachNodeAtOnce) {
  std::vector<std::string> log;
  for (const char* name : {"a", "b", "c"}) tape_.push(std::make_unique<LoggingNode>(name, log));
  EXPECT_EQ(tape_.node_count(), 3u);
  tape_.backward();
  EXPECT_EQ(log, (std::vector<std::string>{"c", "~c", "b", "~b", "a", "~a"}));
  EXPECT_EQ(tape_.node_count(), 0u);
  expect_error(ErrorKind::kInternal, {"empty tape"}, [&] { tape_.backward(); });
}

TEST_F(TapeTest, OutputsAreNumberedAndInputsAreNotWanted) {
  const Tensor input = environment_.normal({2, 2}, 0);
  EXPECT_FALSE(Gradients::wanted(input.value()));
  EXPECT_EQ(tape_.output({2}, DType::kFloat32).value().id, 0);
  EXPECT_EQ(tape_.output({2}, DType::kFloat32).value().id, 1);
  EXPECT_EQ(tape_.scratch({2}, DType::kFloat32).value().id, -1);
  EXPECT_EQ(tape_.value_count(), 2);
}

TEST_F(TapeTest, OnlyTrainingRecords) {
  for (const TapeOptions mode : {kInference, kBatchStatistics}) {
    Tape tape(environment_.backend(), environment_.pool(), DType::kFloat32, mode);
    const Tensor x = environment_.normal({2, 4, 4, 3}, 0);
    const Tensor y = activation(tape, add(tape, x, x), Activation::kSilu);
    EXPECT_EQ(tape.node_count(), 0u);
    EXPECT_EQ(tape.value_count(), 0);
    EXPECT_TRUE(y.unique());
    std::vector<std::string> log;
    expect_error(ErrorKind::kInternal, {"late", "does not record"},
                 [&] { tape.push(std::make_unique<LoggingNode>("late", log)); });
  }
}

TEST_F(TapeTest, GradientsOfAValueUsedSeveralTimesAreSummed) {
  for (int uses = 1; uses <= 5; ++uses) {
    const Tensor value = tape_.output({3}, DType::kFloat32);
    Gradients gradients(tape_);
    for (int use = 0; use < uses; ++use) {
      gradients.add(value.value(), environment_.tensor({3}, {1, static_cast<float>(use), 0.5f}));
    }
    const float count = static_cast<float>(uses);
    EXPECT_EQ(environment_.read(gradients.take(value.value())),
              (std::vector<float>{count, count * (count - 1) / 2, 0.5f * count}));
  }
}

TEST_F(TapeTest, PairsAreHandedOutUnsummed) {
  const Tensor value = tape_.output({2}, DType::kFloat32);
  Gradients gradients(tape_);
  gradients.add(value.value(), environment_.tensor({2}, {1, 2}));
  const Gradients::Pair single = gradients.take_pair(value.value());
  EXPECT_FALSE(single.second.defined());
  for (const float x : {1.0f, 2.0f, 4.0f}) gradients.add(value.value(), environment_.tensor({2}, {x, -x}));
  const Gradients::Pair pair = gradients.take_pair(value.value());
  EXPECT_EQ(environment_.read(pair.first), (std::vector<float>{3, -3}));
  EXPECT_EQ(environment_.read(pair.second), (std::vector<float>{4, -4}));
}

TEST_F(TapeTest, WhatHasComeSoFarMayBeTakenEarly) {
  const Tensor value = tape_.output({2}, DType::kFloat32);
  Gradients gradients(tape_);
  EXPECT_FALSE(gradients.take_early(value.value()).defined());
  for (const float x : {1.0f, 2.0f}) gradients.add(value.value(), environment_.tensor({2}, {x, -x}));
  EXPECT_EQ(environment_.read(gradients.take_early(value.value())), (std::vector<float>{3, -3}));
  EXPECT_FALSE(gradients.take_early(value.value()).defined());
}

TEST_F(TapeTest, ASharedContributionIsNotWrittenOver) {
  const Tensor a = tape_.output({2}, DType::kFloat32);
  const Tensor b = tape_.output({2}, DType::kFloat32);
  Gradients gradients(tape_);
  {
    Tensor shared = environment_.tensor({2}, {1, 2});
    gradients.add(a.value(), shared);
    gradients.add(b.value(), std::move(shared));
  }
  gradients.add(a.value(), environment_.tensor({2}, {10, 20}));
  EXPECT_EQ(environment_.read(gradients.take(a.value())), (std::vector<float>{11, 22}));
  EXPECT_EQ(environment_.read(gradients.take(b.value())), (std::vector<float>{1, 2}));
}

TEST_F(TapeTest, SummingReusesMemoryThatNobodyElseHolds) {
  const Tensor value = tape_.output({2}, DType::kFloat32);
  Gradients gradients(tape_);
  Tensor held = environment_.tensor({2}, {1, 2});
  gradients.add(value.value(), held);
  gradients.add(value.value(), environment_.tensor({2}, {10, 20}));
  const std::int64_t in_use = environment_.pool().bytes_in_use();
  const Tensor sum = gradients.take(value.value());
  EXPECT_EQ(environment_.pool().bytes_in_use(), in_use);
  EXPECT_EQ(environment_.read(held), (std::vector<float>{1, 2}));
  EXPECT_EQ(environment_.read(sum), (std::vector<float>{11, 22}));
}

TEST_F(TapeTest, AGradientComesBackInTheShapeOfItsValue) {
  const Tensor image = tape_.output({2, 1, 1, 3}, DType::kFloat32);
  Gradients gradients(tape_);
  const Tensor matrix = image.reshaped({2, 3});
  EXPECT_EQ(matrix.value().id, image.value().id);
  gradients.add(matrix.value(), environment_.normal({2, 3}, 0));
  EXPECT_EQ(gradients.take(image.value()).shape(), (Shape{2, 1, 1, 3}));
}

TEST_F(TapeTest, MissingAndMisshapenGradientsAreErrors) {
  const Tensor value = tape_.output({2, 3}, DType::kFloat32);
  Gradients gradients(tape_);
  expect_error(ErrorKind::kInternal, {"value 0", "[2,3]", "no gradient"}, [&] { gradients.take(value.value()); });
  expect_error(ErrorKind::kInternal, {"value 0", "[2,3]", "[3,2]"}, [&] {
    gradients.add(value.value(), environment_.normal({3, 2}, 0));
  });
  gradients.add(environment_.normal({2}, 0).value(), {});  // nobody wants it: dropped
}

struct Weights {
  explicit Weights(Environment& environment) { set.allocate(environment.backend()); }
  ParameterSet set;
  Parameter& first = set.add_parameter("first.weight", {3, 1, 1, 1}, ParameterRole::kConvWeight, {});
  Parameter& bias = set.add_parameter("first.bias", {3}, ParameterRole::kConvBias, {});
  Parameter& second = set.add_parameter("second.weight", {1, 2}, ParameterRole::kLinearWeight, {});
};

TEST_F(TapeTest, AWeightHasTheTypeOfActivationsAndTheValueOfToday) {
  Weights weights(environment_);
  EXPECT_EQ(tape_.weight(weights.first).data, weights.first.value().data);
  for (const float value : {1.0f, 3.0f}) {
    const std::vector<float> values = {value * 1.01f, -value};
    environment_.backend().upload(values.data(), weights.second.value());
    const std::int64_t in_use = environment_.pool().bytes_in_use();
    Tape tape(environment_.backend(), environment_.pool(), DType::kBFloat16, kInference);
    const TensorView view = tape.weight(weights.second);
    EXPECT_EQ(view.dtype, DType::kBFloat16);
    EXPECT_EQ(view.shape, weights.second.shape());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.data) % 16, 0u);
    const Tensor wide = environment_.pool().allocate(view.shape, DType::kFloat32);
    environment_.backend().cast(view, wide.view());
    EXPECT_EQ(environment_.read(wide), (std::vector<float>{to_float(from_float<BFloat16>(values[0])), -value}));
    const std::int64_t with_copy = environment_.pool().bytes_in_use();
    EXPECT_GT(with_copy, in_use);
    tape.weight(weights.first);  // of the same copy
    EXPECT_EQ(environment_.pool().bytes_in_use(), with_copy);
  }
}

TEST_F(TapeTest, ABiasIsNoWeightAndATapeServesOneSet) {
  Weights weights(environment_), others(environment_);
  Tape tape(environment_.backend(), environment_.pool(), DType::kBFloat16, kInference);
  expect_error(ErrorKind::kInternal, {"first.bias", "not a weight"}, [&] { tape.weight(weights.bias); });
  tape.weight(weights.first);
  expect_error(ErrorKind::kInternal, {"second.weight", "another set"}, [&] { tape.weight(others.second); });
}

}  // namespace
}  // namespace drift
