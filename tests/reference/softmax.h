// Softmax cross-entropy, mean over the batch, its gradient and the top-1 and top-5 counts. Smoothed, each class has a
// part of the target.
#pragma once

#include "tests/reference/array.h"

namespace drift::reference {

struct SoftmaxResult {
  Array losses;         // [N], before the mean
  double loss = 0;      // their mean
  Array probabilities;  // [N,classes]
  Array dlogits;        // [N,classes]
  double top1 = 0, top5 = 0;
};
SoftmaxResult softmax_cross_entropy(const Array& logits, const Array& labels, double label_smoothing = 0);

}  // namespace drift::reference
