// See gradients.h.
#include "engine/gradients.h"

#include <utility>

#include "core/check.h"

namespace drift {

Gradients::Gradients(Tape& tape) : tape_(tape), slots_(static_cast<std::size_t>(tape.value_count())) {}

Tensor Gradients::like(const Value& value) {
  return tape_.pool().allocate(value.shape, value.dtype);
}

void Gradients::add(const Value& value, Tensor gradient) {
  if (!wanted(value)) return;
  DRIFT_ASSERT(gradient.shape() == value.shape && gradient.dtype() == value.dtype,
               "value {} is {} {}, its gradient came as {}", value.id, name_of(value.dtype), to_string(value.shape),
               to_string(gradient));
  Pair& slot = slots_.at(static_cast<std::size_t>(value.id));
  if (!slot.first) {
    slot.first = std::move(gradient);
  } else if (!slot.second) {
    slot.second = std::move(gradient);
  } else {
    slot.first = sum(std::move(slot.first), std::move(slot.second));
    slot.second = std::move(gradient);
  }
}

Tensor Gradients::take(const Value& value) {
  Pair pair = take_pair(value);
  return pair.second ? sum(std::move(pair.first), std::move(pair.second)) : std::move(pair.first);
}

Tensor Gradients::take_early(const Value& value) {
  return slots_.at(static_cast<std::size_t>(value.id)).first ? take(value) : Tensor{};
}

Gradients::Pair Gradients::take_pair(const Value& value) {
  Pair pair = std::exchange(slots_.at(static_cast<std::size_t>(value.id)), Pair{});
  DRIFT_ASSERT(pair.first, "value {}, {} {}, got no gradient: it does not reach the loss", value.id,
               name_of(value.dtype), to_string(value.shape));
  // A use under another shape gave its gradient in that shape.
  pair.first = pair.first.reshaped(value.shape);
  if (pair.second) pair.second = pair.second.reshaped(value.shape);
  return pair;
}

Tensor Gradients::sum(Tensor first, Tensor second) {
  Tensor result = first.unique() ? first : second.unique() ? second : like(first.value());
  tape_.backend().add(first.view(), second.view(), result.view());
  return result;
}

}  // namespace drift
