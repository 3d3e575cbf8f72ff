// The loss and its hit counts. The gradient falls out of the forward pass while the exponentials are at hand, so the
// node, with which every backward begins, only passes it on.
#include <utility>

#include "engine/gradients.h"
#include "engine/ops/argument_check.h"
#include "engine/ops/ops.h"

namespace drift {
namespace {

constexpr std::string_view kLayer = "loss";

struct SoftmaxCrossEntropyNode final : Node {
  Tensor dlogits;  // [N,classes], float32
  Value logits;

  std::string_view name() const override { return "softmax_cross_entropy"; }

  void backward(Backend&, Gradients& gradients) override { gradients.add(logits, std::move(dlogits)); }
};

}  // namespace

Tensor softmax_cross_entropy(Tape& tape, const Tensor& logits, const TensorView& labels, float label_smoothing) {
  DRIFT_ASSERT(logits && logits.shape().rank() == 2 && logits.dtype() == DType::kFloat32,
               "softmax_cross_entropy: logits must be fp32 [N,classes], got {}", to_string(logits));
  DRIFT_ASSERT(labels && labels.shape == Shape{logits.shape()[0]} && labels.dtype == DType::kInt32,
               "softmax_cross_entropy: labels must be int32 [{}] for logits {}, got {} {}", logits.shape()[0],
               to_string(logits), name_of(labels.dtype), to_string(labels.shape));
  DRIFT_ASSERT(label_smoothing >= 0 && label_smoothing <= 1,
               "softmax_cross_entropy: the label smoothing is a part from 0 to 1, got {}", label_smoothing);
  const Span span(tape.backend(), kLayer);
  Tensor result = tape.scratch({3}, DType::kFloat32);
  Tensor dlogits;
  if (tape.records()) dlogits = tape.scratch(logits.shape(), DType::kFloat32);
  tape.backend().softmax_cross_entropy({.logits = logits.view(),
                                        .labels = labels,
                                        .dlogits = dlogits.view(),
                                        .result = result.view(),
                                        .label_smoothing = label_smoothing});
  if (tape.records()) {
    auto node = std::make_unique<SoftmaxCrossEntropyNode>();
    node->dlogits = std::move(dlogits);
    node->logits = logits.value();
    tape.push(std::move(node), kLayer);
  }
  return result;
}

}  // namespace drift
