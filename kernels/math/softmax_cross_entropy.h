// One row of logits: cross-entropy -log softmax(logits)[label], its gradient (softmax - onehot) / N, and whether the
// label is among the best one and the best five. The rank of the label counts classes that score strictly more, or
// equal with a smaller number.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace drift {

struct SoftmaxCrossEntropyRow {
  const float* logits;  // [N, classes]
  const std::int32_t* labels;
  float* dlogits;      // or nullptr
  float* row_results;  // [N, 3]: loss, top-1 hit, top-5 hit
  std::int64_t classes;
  float scale;  // 1/N

  DRIFT_HD void operator()(std::int64_t row) const {
    const float* x = logits + row * classes;
    const std::int32_t label = labels[row];
    float largest = x[0];
    for (std::int64_t c = 1; c < classes; ++c) largest = x[c] > largest ? x[c] : largest;
    float sum = 0;
    std::int64_t rank = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      sum += std::exp(x[c] - largest);
      rank += x[c] > x[label] || (x[c] == x[label] && c < label);
    }
    row_results[3 * row] = std::log(sum) - (x[label] - largest);
    row_results[3 * row + 1] = rank < 1 ? 1.0f : 0.0f;
    row_results[3 * row + 2] = rank < 5 ? 1.0f : 0.0f;
    if (dlogits == nullptr) return;
    for (std::int64_t c = 0; c < classes; ++c) {
      const float probability = std::exp(x[c] - largest) / sum;
      dlogits[row * classes + c] = (probability - (c == label ? 1.0f : 0.0f)) * scale;
    }
  }
};

}  // namespace drift
