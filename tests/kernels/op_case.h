// OpCase: one Op with everything needed to check and to time it. The structs of case_list.h make these; the harness
// (case_runner.h) and bench/ consume them without knowing any op. Operands go by name, so an optional one is simply not
// there.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "kernels/convolution_form.h"
#include "kernels/op.h"
#include "tests/reference/array.h"

namespace drift::testing {

using reference::Array;

// A few things by name; an empty T for a name that is not there.
template <class T>
class Named {
 public:
  void set(std::string_view name, T item) { items_.emplace_back(name, std::move(item)); }
  const T& operator[](std::string_view name) const {
    static const T kNone{};
    for (const auto& [key, item] : items_) {
      if (key == name) return item;
    }
    return kNone;
  }

 private:
  std::vector<std::pair<std::string, T>> items_;
};

enum class Role : std::uint8_t { kInput, kOutput, kInOut };

// The value of element i, a pure function: drawn from rng by index, or of i alone.
using Source = std::function<double(const Rng& rng, std::int64_t i)>;
Source normal(double mean = 0, double std = 1);
Source integers(int lowest, int highest);
Source constant(double value);
Source listed(std::vector<double> values);

struct Operand {
  std::string name;
  Role role = Role::kInput;
  Shape shape;
  DType dtype = DType::kFloat32;
  Source source;  // of inputs
  // Inputs are rounded to this type first: float32 operands that a bfloat16 call rounds itself start as bfloat16
  // numbers.
  DType precision = DType::kFloat32;
  std::string stops_nan = {};  // of floating-point inputs: why a NaN here reaches no output; "" where it must
};

// What an output must be: values[i] rounded to the output's type where tolerance[i] is 0 or tolerance is not given,
// else within tolerance[i] of values[i]. For packed bits, tolerance[i] holds the bits of byte i that may be either.
struct Expected {
  Array values;
  Array tolerance;
  bool packed_bits = false;
};

struct OpCase {
  std::string op;     // "conv2d_forward", or finer than name_of(): "max_pool_forward"
  std::string label;  // "x [2,9,7,3] window 3/2+1 outputs 17, fp32"
  DType activation = DType::kFloat32;
  bool exact = false;   // inputs chosen so that every tolerance is 0
  bool vendor = false;  // the bits may depend on the number of threads
  // Of convolutions, on a CPU: what the backend is to compute them by.
  ConvolutionForm form = ConvolutionForm::kDirect;
  std::vector<Operand> operands;
  // What a backend is to run, on the memory of the operands; valid until it is called again.
  std::function<Op(const Named<TensorView>&)> operation;
  // One entry per output; inputs are the values before the call.
  std::function<Named<Expected>(const Named<Array>&)> expect;

  // Adds an operand; these return the case for chaining.
  OpCase& input(std::string name, const Shape& shape, DType dtype, Source source);
  OpCase& weight(std::string name, const Shape& shape, Source source);  // float32, rounded to `activation`
  OpCase& output(std::string name, const Shape& shape, DType dtype);
  OpCase& in_out(std::string name, const Shape& shape, DType dtype, Source source);
  OpCase& stops_nan(std::string why);  // of the operand just added
};

// `value` as the nearest number of the type.
double rounded_to(DType dtype, double value);

// The inputs of a case, rounded to their types.
Named<Array> make_inputs(const OpCase& op_case, std::uint64_t seed);

}  // namespace drift::testing
