// Gradients: the gradients of values on their way back. A value used twice (the input of a residual block) receives two
// contributions; they are summed when taken, or handed out as a pair to an op that adds while it reads anyway, or the
// first of them to the op that makes the second and adds while it writes. One tensor may stand in several slots at once
// (an addition hands its gradient to both sides), so whoever writes over a gradient asks Tensor::unique() first.
#pragma once

#include <vector>

#include "engine/tape.h"

namespace drift {

class Gradients {
 public:
  explicit Gradients(Tape& tape);

  // Whether anyone wants the gradient of this value; false for input images.
  static bool wanted(const Value& value) { return value.id >= 0; }
  // Uninitialised memory shaped like `value`, in its type.
  Tensor like(const Value& value);
  // Dropped if nobody wants it.
  void add(const Value& value, Tensor gradient);
  // The summed gradient of `value`; its slot is empty afterwards. It is an error if the value received none.
  Tensor take(const Value& value);
  struct Pair {
    Tensor first, second;  // second may be undefined
  };
  Pair take_pair(const Value& value);
  // The sum of what has come for `value` so far, or an undefined tensor; for whoever adds it to more.
  Tensor take_early(const Value& value);

 private:
  // In the memory of the first that nobody else holds.
  Tensor sum(Tensor first, Tensor second);

  Tape& tape_;
  std::vector<Pair> slots_;  // by Value::id
};

}  // namespace drift
