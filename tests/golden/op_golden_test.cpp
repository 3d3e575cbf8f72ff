// The reference and the CPU backend against PyTorch, op by op. A golden case becomes OpCases whose inputs are PyTorch's
// and whose expectation is PyTorch's result, with the tolerance derived for the op (tests/kernels/tolerance.h).
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "tests/golden/safetensors.h"
#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/tolerance.h"

namespace drift::testing {
namespace {

using Json = nlohmann::json;

const GoldenFile& golden() {
  static const GoldenFile file = read_golden("ops.safetensors");
  return file;
}

Window window_of(const Json& record) {
  const Json& window = record.at("window");
  return {window.at("size"), window.at("stride"), window.at("pad")};
}

const Shape& shape(const Json& record, const std::string& operand) {
  return golden().at(record.at("name").get<std::string>() + "/" + operand).shape;
}

std::vector<OpCase> conv_cases(const Json& record) {
  std::vector<OpCase> cases;
  for (const ConvDirection direction : kConvDirections) {
    cases.push_back(ConvCase{direction, shape(record, "x"), shape(record, "w")[0], window_of(record), true}.make());
  }
  return cases;
}

std::vector<OpCase> linear_cases(const Json& record) {
  const Shape& w = shape(record, "w");
  const LinearCase forward{.samples = shape(record, "x")[0], .inputs = w[1], .outputs = w[0]};
  LinearCase backward = forward;
  backward.backward = true;
  return {forward.make(), backward.make()};
}

std::vector<OpCase> batch_norm_cases(const Json& record) {
  const Shape& x = shape(record, "x");
  const bool relu = record.at("relu");
  const bool residual = record.at("residual");
  return {BatchNormForwardCase{.x = x, .relu = relu, .residual = residual}.make(),
          BatchNormInferenceCase{.x = x, .relu = relu, .residual = residual}.make(),
          BatchNormBackwardCase{.x = x, .mask = relu, .dz = residual ? Dz::kOwn : Dz::kNone}.make()};
}

// Forward and backward of a case struct that has a `backward` member.
template <class Case>
std::vector<OpCase> both(Case c) {
  OpCase forward = c.make();
  c.backward = true;
  return {forward, c.make()};
}

std::vector<OpCase> op_cases_of(const Json& record) {
  const std::string op = record.at("op");
  if (op == "conv2d") return conv_cases(record);
  if (op == "linear") return linear_cases(record);
  if (op == "batch_norm") return batch_norm_cases(record);
  if (op == "group_norm") return both(GroupNormCase{.x = shape(record, "x"), .groups = record.at("groups")});
  if (op == "relu") return both(ActivationCase{.kind = Activation::kRelu, .x = shape(record, "x")});
  if (op == "silu") return both(ActivationCase{.kind = Activation::kSilu, .x = shape(record, "x")});
  if (op == "shortcut") {
    return both(ShortcutCase{
        .x = shape(record, "x"), .channels = shape(record, "y").channels(), .stride = record.at("stride")});
  }
  if (op == "max_pool")
    return both(PoolCase{.pooling = Pooling::kMax, .x = shape(record, "x"), .window = window_of(record)});
  if (op == "average_pool") {
    return both(PoolCase{.pooling = Pooling::kAverage, .x = shape(record, "x"), .window = window_of(record)});
  }
  if (op == "global_average_pool") return both(GlobalAveragePoolCase{.x = shape(record, "x")});
  if (op == "softmax_cross_entropy") {
    return {SoftmaxCase{.samples = shape(record, "logits")[0],
                        .classes = shape(record, "logits")[1],
                        .label_smoothing = record.value("label_smoothing", 0.0f)}
                .make()};
  }
  if (op == "sgd_update") {
    return {SgdCase{.elements = shape(record, "w")[0],
                    .lr = record.at("lr"),
                    .momentum = record.at("momentum"),
                    .weight_decay = record.at("weight_decay"),
                    .nesterov = record.at("nesterov")}
                .make()};
  }
  DRIFT_FAIL(kData, "golden case of an unknown op '{}'", op);
}

// The golden names of what an operand is before and must be after the call. Inference was given the running statistics.
std::string input_name(const OpCase& op_case, const Operand& operand) {
  const bool statistic = operand.name == "mean" || operand.name == "var";
  return op_case.op == "batch_norm_inference" && statistic ? "running_" + operand.name : operand.name;
}

std::string result_name(const OpCase& op_case, const Operand& operand) {
  if (operand.role == Role::kInOut) return operand.name + ".after";
  return op_case.op == "batch_norm_inference" ? "inference_" + operand.name : operand.name;
}

// PyTorch's result in place of the reference's. It is rounded to float32 itself; SGD, which the backend owes to the bit
// in its own order of operations only, may round differently four times.
Expected as_expected(const OpCase& op_case, const Array& values, const Expected& reference) {
  if (reference.packed_bits) return {values, reference.tolerance, true};
  Expected expected{values, Array(values.shape)};
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    const double derived = reference.tolerance.given()  ? reference.tolerance[i]
                           : op_case.op == "sgd_update" ? 8 * kUnit
                                                        : 0;
    expected.tolerance[i] = derived == 0 ? 0 : derived + kUnit * std::abs(values[i]);
  }
  return expected;
}

void check(const std::string& name, OpCase op_case, Backend& backend) {
  SCOPED_TRACE(name + " " + op_case.op);
  for (Operand& operand : op_case.operands) {
    if (operand.role == Role::kOutput || operand.name == "lr") continue;  // lr is a number of the record
    operand.source = listed(golden().at(name + "/" + input_name(op_case, operand)).values);
  }
  const Named<Array> inputs = make_inputs(op_case, 0);
  const CaseRun run = run_case(op_case, inputs, backend, 0xff);
  const Named<Expected> reference = op_case.expect(inputs);
  for (const Operand& operand : op_case.operands) {
    if (operand.role == Role::kInput) continue;
    const Expected& ours = reference[operand.name];
    const Expected expected = as_expected(op_case, golden().at(name + "/" + result_name(op_case, operand)), ours);
    EXPECT_EQ(mismatch(operand, expected, encode(ours.values, operand.dtype), false), "") << "the reference";
    EXPECT_EQ(mismatch(operand, expected, run.outputs[operand.name], false), "") << "the backend";
  }
}

class OpGolden : public ::testing::TestWithParam<std::string> {};

std::map<std::string, Json> records() {
  std::map<std::string, Json> by_name;
  for (const Json& record : Json::parse(golden().metadata.at("cases"))) by_name[record.at("name")] = record;
  return by_name;
}

std::vector<std::string> record_names() {
  std::vector<std::string> names;
  for (const auto& [name, record] : records()) names.push_back(name);
  return names;
}

TEST_P(OpGolden, MatchesPyTorch) {
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const std::unique_ptr<Backend> backend = make_backend(*stream);
  const Json record = records().at(GetParam());
  for (const OpCase& op_case : op_cases_of(record)) check(GetParam(), op_case, *backend);
}

INSTANTIATE_TEST_SUITE_P(Cpu, OpGolden, ::testing::ValuesIn(record_names()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace drift::testing
