// Runs an OpCase in guarded memory and judges what comes out.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/kernels/op_case.h"

namespace drift::testing {

using Bytes = std::vector<std::byte>;

// Between host numbers and the bytes of a type.
Bytes encode(const Array& values, DType dtype);
Array decode(const Bytes& bytes, const Shape& shape, DType dtype);

struct CaseRun {
  Named<Bytes> outputs;             // of outputs and overwritten inputs
  std::vector<std::string> faults;  // guards written, inputs changed
};
// pattern fills the guards and the outputs before the call.
CaseRun run_case(const OpCase& op_case, const Named<Array>& inputs, Backend& backend, std::uint8_t pattern);

// The backend of a CPU's stream that computes convolutions by this form where it can. Throws kDevice where it never
// can.
std::unique_ptr<Backend> backend_by_form(Stream& stream, ConvolutionForm form);

// "" if the bytes are what was expected, else the worst element and how many are wrong.
std::string mismatch(const Operand& operand, const Expected& expected, const Bytes& got, bool exact);

// All outputs against op_case.expect: a line for each that is wrong.
std::vector<std::string> mismatches(const OpCase& op_case, const Named<Array>& inputs, const CaseRun& run);

}  // namespace drift::testing
