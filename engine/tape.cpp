// See tape.h.
#include "engine/tape.h"

#include <utility>

#include "core/check.h"
#include "engine/gradients.h"

namespace drift {

Tensor Tape::output(const Shape& shape, DType dtype) {
  Tensor result = pool_.allocate(shape, dtype);
  result.value_id_ = value(shape, dtype).id;
  return result;
}

Value Tape::value(const Shape& shape, DType dtype) {
  return {records() ? value_count_++ : -1, shape, dtype};
}

TensorView Tape::weight(const Parameter& parameter) {
  if (activation_ == DType::kFloat32) return parameter.value();
  const ParameterSet& set = parameter.set();
  DRIFT_ASSERT(parameter.decays(), "tape: {} is not a weight, it stays float32", parameter.name());
  DRIFT_ASSERT(cast_set_ == nullptr || cast_set_ == &set, "tape: {} is of another set than the weights before it",
               parameter.name());
  if (cast_set_ == nullptr) {
    const Shape all{set.decayed_count()};
    cast_weights_ = scratch(all, activation_);
    backend_.cast({.data = set.values().data(), .shape = all}, cast_weights_.view());
    cast_set_ = &set;
  }
  const auto offset = static_cast<std::size_t>(parameter.offset()) * size_of(activation_);
  return {static_cast<std::byte*>(cast_weights_.view().data) + offset, parameter.shape(), activation_};
}

void Tape::push(std::unique_ptr<Node> node, std::string_view layer) {
  DRIFT_ASSERT(records(), "{}: a node was pushed on a tape that does not record", node->name());
  if (layer.empty()) layer = node->name();
  nodes_.push_back({std::move(node), layer});
}

void Tape::backward(const std::function<void(const Parameter&)>& is_final) {
  DRIFT_ASSERT(!nodes_.empty(), "backward on an empty tape: nothing ran forward on it, or it does not record");
  Gradients gradients(*this);
  while (!nodes_.empty()) {
    const Entry entry = std::move(nodes_.back());
    nodes_.pop_back();
    const Span span(backend_, entry.layer);
    entry.node->backward(backend_, gradients);
    if (!is_final) continue;
    for (const Parameter* const parameter : entry.node->parameters()) {
      if (parameter != nullptr) is_final(*parameter);
    }
  }
}

}  // namespace drift
