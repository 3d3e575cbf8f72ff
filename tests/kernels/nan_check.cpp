#include "tests/kernels/nan_check.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>

#include "tests/kernels/case_runner.h"

namespace drift::testing {
namespace {

// Some places reach nothing: pixels that a stride leaves out, weights that lie over the padding of every image. In
// every case one in nine at least does: so many draws miss them all with a probability of e^-30.
constexpr int kDraws = 256;

bool is_floating(DType dtype) {
  return dtype == DType::kFloat32 || dtype == DType::kBFloat16;
}

Named<Array> with_nan(const OpCase& op_case, const Named<Array>& inputs, const Operand& target, std::int64_t place) {
  Named<Array> result;
  for (const Operand& operand : op_case.operands) {
    if (operand.role == Role::kOutput) continue;
    Array values = inputs[operand.name];
    if (&operand == &target) values[place] = std::numeric_limits<double>::quiet_NaN();
    result.set(operand.name, std::move(values));
  }
  return result;
}

bool any_nan(const OpCase& op_case, const Named<Expected>& expected) {
  return std::ranges::any_of(op_case.operands, [&](const Operand& operand) {
    return operand.role != Role::kInput && is_floating(operand.dtype) &&
           std::ranges::any_of(expected[operand.name].values.values, [](double value) { return std::isnan(value); });
  });
}

// The libraries behind convolution and matmul may multiply a NaN by padding, or transform it together with its
// neighbours, as our Winograd convolutions do: elsewhere their NaNs are no fault, wrong numbers are.
bool spreads_nans(const OpCase& op_case) {
  return op_case.vendor || op_case.form == ConvolutionForm::kWinograd;
}

Expected allowing_more_nans(Expected expected, const Operand& operand, const Bytes& got) {
  const Array values = decode(got, operand.shape, operand.dtype);
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    if (std::isnan(values[i])) expected.values[i] = values[i];
  }
  return expected;
}

void run_and_compare(const OpCase& op_case, const Named<Array>& inputs, const Named<Expected>& expected,
                     const std::string& what, Backend& backend, std::vector<std::string>& faults) {
  const CaseRun run = run_case(op_case, inputs, backend, 0x00);
  for (const Operand& operand : op_case.operands) {
    if (operand.role == Role::kInput) continue;
    const Bytes& got = run.outputs[operand.name];
    const Expected& all = expected[operand.name];
    // Also where inputs are exact the tolerances count: they hold the bits of a mask that a NaN leaves open.
    const std::string line =
        mismatch(operand, spreads_nans(op_case) ? allowing_more_nans(all, operand, got) : all, got, /*exact=*/false);
    if (!line.empty()) faults.push_back(what + ": " + line);
  }
}

void check_operand(const OpCase& op_case, const Operand& operand, const Named<Array>& inputs, const Rng& rng,
                   Backend& backend, std::vector<std::string>& faults) {
  const auto elements = static_cast<std::uint32_t>(operand.shape.elements());
  bool reached = false;
  for (int draw = 0; draw < kDraws && !reached; ++draw) {
    const std::int64_t place = rng.below(static_cast<std::uint64_t>(draw), elements);
    const Named<Array> marked = with_nan(op_case, inputs, operand, place);
    const Named<Expected> expected = op_case.expect(marked);
    reached = any_nan(op_case, expected);
    // The first place is run whether it reaches anything or not, then one that does.
    if (draw > 0 && !reached) continue;
    run_and_compare(op_case, marked, expected, fmt::format("NaN at {}[{}]", operand.name, place), backend, faults);
    if (!operand.stops_nan.empty()) break;
  }
  if (reached == operand.stops_nan.empty()) return;
  faults.push_back(
      reached ? fmt::format("{}: said to stop a NaN ({}), but it reaches an output", operand.name, operand.stops_nan)
              : fmt::format("{}: its NaN reaches no output", operand.name));
}

}  // namespace

std::vector<std::string> nan_faults(const OpCase& op_case, std::uint64_t seed, Backend& backend) {
  std::vector<std::string> faults;
  const Named<Array> inputs = make_inputs(op_case, seed);
  for (std::size_t k = 0; k < op_case.operands.size(); ++k) {
    const Operand& operand = op_case.operands[k];
    if (operand.role == Role::kOutput || !is_floating(operand.dtype)) continue;
    check_operand(op_case, operand, inputs, Rng(seed, stream_id(Purpose::kTest, 2, k)), backend, faults);
  }
  return faults;
}

}  // namespace drift::testing
