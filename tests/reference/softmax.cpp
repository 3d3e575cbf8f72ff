#include "tests/reference/softmax.h"

#include <algorithm>
#include <cmath>

namespace drift::reference {
namespace {

// How many classes come before the label in the order of falling score, equal scores by rising class number.
std::int64_t rank_of_label(const Array& logits, std::int64_t n, std::int64_t label) {
  std::int64_t rank = 0;
  for (std::int64_t c = 0; c < logits.shape[1]; ++c) {
    const bool better = logits.at(n, c) > logits.at(n, label);
    const bool equal_before = logits.at(n, c) == logits.at(n, label) && c < label;
    if (better || equal_before) ++rank;
  }
  return rank;
}

}  // namespace

SoftmaxResult softmax_cross_entropy(const Array& logits, const Array& labels, double label_smoothing) {
  const std::int64_t samples = logits.shape[0];
  const std::int64_t classes = logits.shape[1];
  SoftmaxResult result;
  result.losses = Array({samples});
  result.probabilities = result.dlogits = Array(logits.shape);
  for (std::int64_t n = 0; n < samples; ++n) {
    const auto label = static_cast<std::int64_t>(labels[n]);
    double largest = logits.at(n, 0);
    for (std::int64_t c = 0; c < classes; ++c) largest = std::max(largest, logits.at(n, c));
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(logits.at(n, c) - largest);
    for (std::int64_t c = 0; c < classes; ++c) {
      result.probabilities.at(n, c) = std::exp(logits.at(n, c) - largest) / sum;
      const double target = (c == label ? 1 - label_smoothing : 0) + label_smoothing / static_cast<double>(classes);
      result.dlogits.at(n, c) = (result.probabilities.at(n, c) - target) / static_cast<double>(samples);
      if (target > 0 || std::isnan(sum)) result.losses[n] += target * (std::log(sum) - (logits.at(n, c) - largest));
    }
    result.loss += result.losses[n] / static_cast<double>(samples);
    if (std::isnan(sum)) continue;  // a row without a softmax is never a hit
    result.top1 += rank_of_label(logits, n, label) < 1 ? 1 : 0;
    result.top5 += rank_of_label(logits, n, label) < 5 ? 1 : 0;
  }
  return result;
}

}  // namespace drift::reference
