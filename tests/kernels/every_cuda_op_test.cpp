// Every op of the CUDA backend, in both precisions, over all cases of case_list.h: right within derived tolerances,
// exact on exact inputs, confined to its outputs, overwriting all of them, the same bits again and again; and the bits
// of the CPU backend where the formula has only + - * / sqrt.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "tests/kernels/case_list.h"
#include "tests/kernels/case_runner.h"
#include "tests/kernels/nan_check.h"
#include "tests/support/require_gpu.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

struct OnDevice {
  std::unique_ptr<Stream> stream;
  std::unique_ptr<Backend> backend;

  explicit OnDevice(Device device, const BackendOptions& options = {})
      : stream(make_stream(device, 2)), backend(make_backend(*stream, options)) {}
};

// An op in one precision, by our batch-norm kernels or, with this behind the name, by cuDNN's where they can.
constexpr std::string_view kByCudnn = "_by_cudnn";

class EveryCudaOp : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { DRIFT_NEEDS_GPU(); }
  bool by_cudnn() const { return GetParam().ends_with(kByCudnn); }
  const std::vector<OpCase>& cases() const {
    return cases_by_op().at(GetParam().substr(0, GetParam().size() - (by_cudnn() ? kByCudnn.size() : 0)));
  }
  OnDevice on_gpu() const {
    return OnDevice(default_device(), {.batch_norm = by_cudnn() ? BatchNormKernels::kCudnn : BatchNormKernels::kOwn});
  }
};

TEST_P(EveryCudaOp, MatchesTheReference) {
  const OnDevice cuda = on_gpu();
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const Named<Array> inputs = make_inputs(op_case, seed());
    const CaseRun run = run_case(op_case, inputs, *cuda.backend, 0xff);
    for (const std::string& line : mismatches(op_case, inputs, run)) ADD_FAILURE() << line;
    for (const std::string& fault : run.faults) ADD_FAILURE() << fault;
  }
}

TEST_P(EveryCudaOp, WritesAllOfItsOutputsTheSameEachTime) {
  const OnDevice cuda = on_gpu();
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const Named<Array> inputs = make_inputs(op_case, seed());
    const CaseRun over_nan = run_case(op_case, inputs, *cuda.backend, 0xff);
    const CaseRun over_numbers = run_case(op_case, inputs, *cuda.backend, 0xcd);
    for (const std::string& fault : over_numbers.faults) ADD_FAILURE() << fault;
    for (const Operand& operand : op_case.operands) {
      EXPECT_TRUE(over_nan.outputs[operand.name] == over_numbers.outputs[operand.name])
          << operand.name << " depends on what its memory held before, or changes from run to run";
    }
  }
}

std::int64_t elements_of(const OpCase& op_case) {
  std::int64_t total = 0;
  for (const Operand& operand : op_case.operands) total += operand.shape.elements();
  return total;
}

// Small cases from all over the list: which kernels an op has depends on shapes and options, and an emulator is slow.
// cuDNN's backward is left out: behind a mask bit of 0 it writes 0 whatever the gradient is.
class EveryNanPassingCudaOp : public EveryCudaOp {};

TEST_P(EveryNanPassingCudaOp, PassesNansOn) {
  constexpr std::int64_t kMostElements = 1 << 13;
  constexpr std::size_t kCases = 8;
  std::vector<const OpCase*> small;
  for (const OpCase& op_case : cases()) {
    if (elements_of(op_case) <= kMostElements) small.push_back(&op_case);
  }
  ASSERT_FALSE(small.empty());
  const OnDevice cuda = on_gpu();
  for (std::size_t i = 0; i < small.size(); i += 1 + small.size() / kCases) {
    SCOPED_TRACE(small[i]->op + " " + small[i]->label);
    for (const std::string& fault : nan_faults(*small[i], seed(), *cuda.backend)) ADD_FAILURE() << fault;
  }
}

std::vector<std::string> ways(const std::vector<std::string>& done_by_cudnn_too) {
  std::vector<std::string> names = op_names();
  std::erase_if(names, [](const std::string& name) {
    return cases_by_op().at(name).front().form == ConvolutionForm::kWinograd;  // a CPU's
  });
  for (const std::string& op : done_by_cudnn_too) {
    for (const char* precision : {"_bf16", "_fp32"}) names.push_back(op + precision + std::string(kByCudnn));
  }
  return names;
}

INSTANTIATE_TEST_SUITE_P(Cuda, EveryCudaOp, ::testing::ValuesIn(ways({"batch_norm_forward", "batch_norm_backward"})),
                         [](const auto& parameter) { return parameter.param; });
INSTANTIATE_TEST_SUITE_P(Cuda, EveryNanPassingCudaOp, ::testing::ValuesIn(ways({"batch_norm_forward"})),
                         [](const auto& parameter) { return parameter.param; });

// Everything but vendor operations, sums over many elements and the exponential and logarithm of the loss.
bool has_cpu_bits(const OpCase& op_case) {
  static const std::vector<std::string> kOps = {"copy",
                                                "fill",
                                                "cast",
                                                "add",
                                                "relu_forward",
                                                "relu_backward",
                                                "silu_forward",
                                                "silu_backward",
                                                "shortcut_forward",
                                                "shortcut_backward",
                                                "max_pool_forward",
                                                "max_pool_backward",
                                                "average_pool_forward",
                                                "average_pool_backward",
                                                "global_average_pool_backward",
                                                "batch_norm_inference",
                                                "sgd_update",
                                                "outer_update",
                                                "compress",
                                                "average",
                                                "count_non_finite",
                                                "augment"};
  return std::find(kOps.begin(), kOps.end(), op_case.op) != kOps.end();
}

std::vector<std::string> maps() {
  std::vector<std::string> names;
  for (const auto& [name, cases] : cases_by_op()) {
    if (has_cpu_bits(cases.front())) names.push_back(name);
  }
  return names;
}

// The same bits, but that one NaN is as good as another.
bool same_numbers(const Operand& operand, const Bytes& a, const Bytes& b) {
  const Array first = decode(a, operand.shape, operand.dtype), second = decode(b, operand.shape, operand.dtype);
  return std::ranges::equal(first.values, second.values, [](double x, double y) {
    return (std::isnan(x) && std::isnan(y)) || (x == y && std::signbit(x) == std::signbit(y));
  });
}

class EveryCudaMap : public EveryCudaOp {};

TEST_P(EveryCudaMap, HasTheBitsOfTheCpu) {
  const OnDevice cuda(default_device()), cpu{Device{}};
  for (const OpCase& op_case : cases()) {
    SCOPED_TRACE(op_case.op + " " + op_case.label);
    const Named<Array> inputs = make_inputs(op_case, seed());
    const CaseRun there = run_case(op_case, inputs, *cuda.backend, 0xff);
    const CaseRun here = run_case(op_case, inputs, *cpu.backend, 0xff);
    for (const Operand& operand : op_case.operands) {
      if (operand.role == Role::kInput) continue;
      EXPECT_TRUE(same_numbers(operand, there.outputs[operand.name], here.outputs[operand.name])) << operand.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cuda, EveryCudaMap, ::testing::ValuesIn(maps()),
                         [](const auto& parameter) { return parameter.param; });

}  // namespace
}  // namespace drift::testing
