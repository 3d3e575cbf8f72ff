// One row of logits: cross-entropy -log softmax(logits)[label], its gradient (softmax - target) / N, and whether the
// label is among the best one and the best five. Smoothed, the target is not the label alone, and the loss is the mean
// of -log softmax by the target; at 0 all bits are those of the label alone. The rank of the label counts classes that
// score strictly more, or equal with a smaller number; comparisons with a NaN being false, a row without a softmax is
// kept from counting as a hit. On a GPU the lanes of a warp share the classes of a row.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/math/packet.h"

namespace drift {
inline namespace DRIFT_PACKETS {

struct SoftmaxCrossEntropyRow {
  const float* logits;  // [N, classes]
  const std::int32_t* labels;
  float* dlogits;      // or nullptr
  float* row_results;  // [N, 3]: loss, top-1 hit, top-5 hit
  std::int64_t classes;
  float scale;      // 1/N
  float smoothing;  // in [0, 1], spread over all classes, the label's too

  template <class Lanes>
  DRIFT_HD void operator()(std::int64_t row, const Lanes& lanes) const {
    const float* x = logits + row * classes;
    const std::int32_t label = labels[row];
    const std::int64_t lane = lanes.index(), step = lanes.count();
    float largest = x[0];
    for (std::int64_t c = lane; c < classes; c += step) largest = x[c] > largest ? x[c] : largest;
    largest = lanes.maximum(largest);
    float sum = 0, below = 0;  // of e^(x - largest), of x - largest
    int rank = 0;
    for (std::int64_t c = lane; c < classes; c += step) {
      sum += std::exp(x[c] - largest);
      below += x[c] - largest;
      rank += x[c] > x[label] || (x[c] == x[label] && c < label);
    }
    sum = lanes.sum(sum);
    rank = lanes.sum(rank);
    below = lanes.sum(below);
    if (lane == 0) {
      const bool defined = sum >= 1;  // the largest contributes 1; NaN, +infinity and nothing but -infinity make a NaN
      float target_below = x[label] - largest;
      if (smoothing > 0) {
        target_below = (1 - smoothing) * target_below + smoothing * (below / static_cast<float>(classes));
      }
      row_results[3 * row] = std::log(sum) - target_below;
      row_results[3 * row + 1] = defined && rank < 1 ? 1.0f : 0.0f;
      row_results[3 * row + 2] = defined && rank < 5 ? 1.0f : 0.0f;
    }
    if (dlogits == nullptr) return;
    const float share = smoothing / static_cast<float>(classes);
    for (std::int64_t c = lane; c < classes; c += step) {
      const float probability = std::exp(x[c] - largest) / sum;
      const float target = c == label ? 1 - smoothing + share : share;
      dlogits[row * classes + c] = (probability - target) * scale;
    }
  }
};

// The batch's result from the sums of its rows: mean loss, count of top-1 hits, count of top-5 hits.
struct SoftmaxCrossEntropyResult {
  float* result;
  double rows;

  DRIFT_HD void operator()(std::int64_t, std::int64_t column, const double (&totals)[1]) const {
    result[column] = static_cast<float>(column == 0 ? totals[0] / rows : totals[0]);
  }
};

}  // namespace DRIFT_PACKETS
}  // namespace drift
