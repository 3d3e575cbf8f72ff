// See tape.h.
#include "engine/tape.h"

#include <utility>

#include "core/check.h"
#include "engine/gradients.h"

namespace drift {

Tensor Tape::output(const Shape& shape, DType dtype) {
  Tensor result = pool_.allocate(shape, dtype);
  if (records()) result.value_id_ = value_count_++;
  return result;
}

void Tape::push(std::unique_ptr<Node> node, std::string_view layer) {
  DRIFT_ASSERT(records(), "{}: a node was pushed on a tape that does not record", node->name());
  if (layer.empty()) layer = node->name();
  nodes_.push_back({std::move(node), layer});
}

void Tape::backward() {
  DRIFT_ASSERT(!nodes_.empty(), "backward on an empty tape: nothing ran forward on it in Mode::kTrain");
  Gradients gradients(*this);
  while (!nodes_.empty()) {
    const Entry entry = std::move(nodes_.back());
    nodes_.pop_back();
    const Span span(backend_, entry.layer);
    entry.node->backward(backend_, gradients);
  }
}

}  // namespace drift
