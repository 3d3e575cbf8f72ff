#include "tests/kernels/op_case.h"

#include "core/check.h"

namespace drift::testing {

Source normal(double mean, double std) {
  return [=](const Rng& rng, std::int64_t i) { return mean + std * rng.normal(static_cast<std::uint64_t>(i)); };
}

Source integers(int lowest, int highest) {
  return [=](const Rng& rng, std::int64_t i) {
    return lowest +
           static_cast<int>(rng.below(static_cast<std::uint64_t>(i), 1u + static_cast<unsigned>(highest - lowest)));
  };
}

Source constant(double value) {
  return [=](const Rng&, std::int64_t) { return value; };
}

Source listed(std::vector<double> values) {
  return [values = std::move(values)](const Rng&, std::int64_t i) { return values.at(static_cast<std::size_t>(i)); };
}

OpCase& OpCase::input(std::string name, const Shape& shape, DType dtype, Source source) {
  operands.push_back({std::move(name), Role::kInput, shape, dtype, std::move(source), dtype});
  return *this;
}

OpCase& OpCase::weight(std::string name, const Shape& shape, Source source) {
  operands.push_back({std::move(name), Role::kInput, shape, DType::kFloat32, std::move(source), activation});
  return *this;
}

OpCase& OpCase::output(std::string name, const Shape& shape, DType dtype) {
  operands.push_back({std::move(name), Role::kOutput, shape, dtype, {}, dtype});
  return *this;
}

OpCase& OpCase::in_out(std::string name, const Shape& shape, DType dtype, Source source) {
  operands.push_back({std::move(name), Role::kInOut, shape, dtype, std::move(source), dtype});
  return *this;
}

OpCase& OpCase::stops_nan(std::string why) {
  operands.back().stops_nan = std::move(why);
  return *this;
}

double rounded_to(DType dtype, double value) {
  switch (dtype) {
    case DType::kFloat32:
      return static_cast<float>(value);
    case DType::kBFloat16:
      return to_float(from_float<BFloat16>(static_cast<float>(value)));
    case DType::kUint8:
      return static_cast<std::uint8_t>(value);
    case DType::kInt32:
      return static_cast<std::int32_t>(value);
    case DType::kInt64:
      return static_cast<double>(static_cast<std::int64_t>(value));
  }
  DRIFT_FAIL(kInternal, "no such dtype");
}

Named<Array> make_inputs(const OpCase& op_case, std::uint64_t seed) {
  Named<Array> inputs;
  for (std::size_t k = 0; k < op_case.operands.size(); ++k) {
    const Operand& operand = op_case.operands[k];
    if (operand.role == Role::kOutput) continue;
    const Rng rng(seed, stream_id(Purpose::kTest, 0, k));
    Array values(operand.shape);
    for (std::int64_t i = 0; i < values.elements(); ++i) {
      values[i] = rounded_to(operand.precision, operand.source(rng, i));
    }
    inputs.set(operand.name, std::move(values));
  }
  return inputs;
}

}  // namespace drift::testing
