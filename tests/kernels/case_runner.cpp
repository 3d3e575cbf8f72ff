#include "tests/kernels/case_runner.h"

#include <cmath>
#include <cstring>
#include <fmt/format.h>

#include "tests/kernels/guarded_buffer.h"

namespace drift::testing {
namespace {

template <class T>
void encode_as(const Array& values, Bytes& bytes) {
  for (std::size_t i = 0; i < values.values.size(); ++i) {
    const T value = static_cast<T>(values.values[i]);
    std::memcpy(&bytes[i * sizeof(T)], &value, sizeof(T));
  }
}

template <class T>
T element(const Bytes& bytes, std::int64_t i) {
  T value;
  std::memcpy(&value, &bytes[static_cast<std::size_t>(i) * sizeof(T)], sizeof(T));
  return value;
}

double decoded(const Bytes& bytes, std::int64_t i, DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return element<float>(bytes, i);
    case DType::kBFloat16:
      return to_float(element<BFloat16>(bytes, i));
    case DType::kUint8:
      return element<std::uint8_t>(bytes, i);
    case DType::kInt32:
      return element<std::int32_t>(bytes, i);
    case DType::kInt64:
      return static_cast<double>(element<std::int64_t>(bytes, i));
  }
  return std::nan("");
}

// By how many tolerances `got` is off; at most 1 is right. Exact, and where a NaN is wanted: 0 or infinity.
double excess(double got, double want, double tolerance, DType dtype) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : HUGE_VAL;
  if (got == rounded_to(dtype, want)) return 0;
  return tolerance == 0 ? HUGE_VAL : std::abs(got - want) / tolerance;
}

// The same for packed bits, where `unsure` bits may be either.
double excess_of_bits(double got, double want, double unsure) {
  const int wrong = (static_cast<int>(got) ^ static_cast<int>(want)) & ~static_cast<int>(unsure);
  return wrong == 0 ? 0 : HUGE_VAL;
}

}  // namespace

Bytes encode(const Array& values, DType dtype) {
  Bytes bytes(values.values.size() * size_of(dtype));
  switch (dtype) {
    case DType::kFloat32:
      encode_as<float>(values, bytes);
      break;
    case DType::kUint8:
      encode_as<std::uint8_t>(values, bytes);
      break;
    case DType::kInt32:
      encode_as<std::int32_t>(values, bytes);
      break;
    case DType::kInt64:
      encode_as<std::int64_t>(values, bytes);
      break;
    case DType::kBFloat16:
      for (std::size_t i = 0; i < values.values.size(); ++i) {
        const BFloat16 value = from_float<BFloat16>(static_cast<float>(values.values[i]));
        std::memcpy(&bytes[i * sizeof value], &value, sizeof value);
      }
  }
  return bytes;
}

Array decode(const Bytes& bytes, const Shape& shape, DType dtype) {
  Array values(shape);
  for (std::int64_t i = 0; i < values.elements(); ++i) values[i] = decoded(bytes, i, dtype);
  return values;
}

std::unique_ptr<Backend> backend_by_form(Stream& stream, ConvolutionForm form) {
  const bool direct = form == ConvolutionForm::kDirect;
  return make_backend(stream, {.convolutions = direct ? ConvolutionChoice::kDirect : ConvolutionChoice::kWinograd});
}

CaseRun run_case(const OpCase& op_case, const Named<Array>& inputs, Backend& backend, std::uint8_t pattern) {
  std::vector<GuardedBuffer> buffers;
  Named<TensorView> views;
  for (const Operand& operand : op_case.operands) {
    GuardedBuffer& buffer = buffers.emplace_back(backend, operand.shape, operand.dtype, pattern);
    if (operand.role != Role::kOutput) buffer.write(encode(inputs[operand.name], operand.dtype));
    views.set(operand.name, buffer.view());
  }
  backend.run(op_case.operation(views));
  CaseRun run;
  for (std::size_t k = 0; k < buffers.size(); ++k) {
    const Operand& operand = op_case.operands[k];
    Bytes bytes = buffers[k].read();
    if (!buffers[k].guards_intact()) run.faults.push_back(operand.name + ": wrote outside its memory");
    if (operand.role != Role::kInput) {
      run.outputs.set(operand.name, std::move(bytes));
    } else if (bytes != encode(inputs[operand.name], operand.dtype)) {
      run.faults.push_back(operand.name + ": changed an input");
    }
  }
  return run;
}

std::string mismatch(const Operand& operand, const Expected& expected, const Bytes& got, bool exact) {
  if (expected.values.shape != operand.shape) {
    return fmt::format("{}: expectation has shape {}, operand {}", operand.name, to_string(expected.values.shape),
                       to_string(operand.shape));
  }
  const bool tolerant = !exact && expected.tolerance.given();
  std::int64_t wrong = 0;
  std::int64_t worst = 0;
  double worst_excess = 1;
  for (std::int64_t i = 0; i < expected.values.elements(); ++i) {
    const double value = decoded(got, i, operand.dtype);
    const double tolerance = tolerant ? expected.tolerance[i] : 0;
    const double off = expected.packed_bits ? excess_of_bits(value, expected.values[i], tolerance)
                                            : excess(value, expected.values[i], tolerance, operand.dtype);
    if (off <= 1) continue;
    ++wrong;
    if (off > worst_excess) {
      worst = i;
      worst_excess = off;
    }
  }
  if (wrong == 0) return {};
  return fmt::format("{} {}: {} of {} wrong, worst at {}: got {} want {} tolerance {}", operand.name,
                     to_string(operand.shape), wrong, expected.values.elements(), worst,
                     decoded(got, worst, operand.dtype), expected.values[worst],
                     tolerant ? expected.tolerance[worst] : 0);
}

std::vector<std::string> mismatches(const OpCase& op_case, const Named<Array>& inputs, const CaseRun& run) {
  std::vector<std::string> lines;
  const Named<Expected> expected = op_case.expect(inputs);
  for (const Operand& operand : op_case.operands) {
    if (operand.role == Role::kInput) continue;
    const std::string line = mismatch(operand, expected[operand.name], run.outputs[operand.name], op_case.exact);
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace drift::testing
