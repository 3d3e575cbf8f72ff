// NaN in, NaN out, for any OpCase on any backend: a NaN in an input reaches every output element that the reference's
// formula leads it to, and no other element suffers (docs/numerics.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/kernels/op_case.h"

namespace drift::testing {

// Runs the case with one NaN, at a place drawn from the seed, in each of its floating-point inputs in turn. A line for
// each output that is wrong, and for each input whose NaN is lost although Operand::stops_nan does not say why.
std::vector<std::string> nan_faults(const OpCase& op_case, std::uint64_t seed, Backend& backend);

}  // namespace drift::testing
