// Softmax cross-entropy. Each p_c = e^(l_c - max) / sum is off by u |l_c - max| (rounding of the difference), a few u
// of the exponential and the error of the sum; the loss log(sum) - (l_label - max) by the relative error of the sum and
// the roundings of both parts. Smoothed, l_label - max becomes a sum over all classes, and the target is rounded. The
// counts are exact.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/softmax.h"

namespace drift::testing {
namespace {

constexpr double kExpError = 4 * kUnit;

double target_of(const SoftmaxCase& c, bool is_label) {
  return (is_label ? 1 - double{c.label_smoothing} : 0) + c.label_smoothing / static_cast<double>(c.classes);
}

Named<Expected> expect_softmax(const SoftmaxCase& c, const Named<Array>& in) {
  const Array& logits = in["logits"];
  const auto result = reference::softmax_cross_entropy(logits, in["labels"], c.label_smoothing);
  const double count = static_cast<double>(c.samples);
  Expected dlogits{result.dlogits, Array(logits.shape)};
  Expected total{Array(Shape{3}, {result.loss, result.top1, result.top5}), Array(Shape{3})};
  for (std::int64_t n = 0; n < c.samples; ++n) {
    const auto label = static_cast<std::int64_t>(in["labels"][n]);
    double largest = logits.at(n, 0);
    for (std::int64_t k = 0; k < c.classes; ++k) largest = std::max(largest, logits.at(n, k));
    double sum_off = sum_error(c.classes);  // relative
    // What each e^(l_c - max) adds to the error of its p_c and of the sum; nothing where l_c is -infinity.
    const auto exponential_off = [&](std::int64_t k) {
      const double p = result.probabilities.at(n, k);
      return p == 0 ? 0 : p * (kExpError + kUnit * (largest - logits.at(n, k)));
    };
    for (std::int64_t k = 0; k < c.classes; ++k) sum_off += exponential_off(k);
    for (std::int64_t k = 0; k < c.classes; ++k) {
      const double p = result.probabilities.at(n, k);
      const double target = target_of(c, k == label);
      const double target_off = c.label_smoothing > 0 ? 3 * kUnit * target : 0;
      const double off = exponential_off(k) + p * sum_off + target_off + 3 * kUnit * std::abs(p - target) + 1e-37;
      dlogits.tolerance.at(n, k) = off / count;
    }
    double below = 0;
    for (std::int64_t k = 0; k < c.classes; ++k) {
      if (const double target = target_of(c, k == label); target > 0) below += target * (largest - logits.at(n, k));
    }
    const double below_off = c.label_smoothing > 0 ? sum_error(c.classes) + 5 * kUnit : kUnit;  // relative
    const double row =
        sum_off + kExpError * (result.losses[n] - below) + below_off * below + 2 * kUnit * result.losses[n];
    total.tolerance[0] += (row + sum_error(c.samples) * result.losses[n]) / count;
  }
  Named<Expected> expected;
  expected.set("result", total);
  expected.set("dlogits", dlogits);
  return expected;
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Source with_infinities(std::int64_t classes, Source numbers) {
  return [classes, numbers = std::move(numbers)](const Rng& rng, std::int64_t i) {
    const std::int64_t row = i / classes, column = i % classes;
    if (row % 4 == 1 && column % 3 == 1) return -kInfinity;
    if (row % 4 == 2 && column == row / 4 % classes) return kInfinity;
    return row % 4 == 3 ? -kInfinity : numbers(rng, i);
  };
}

}  // namespace

OpCase SoftmaxCase::make() const {
  const Shape shape{samples, classes};
  const std::string details = fmt::format("logits {}, spread {}{}{}{}{}", text(shape), spread, ties ? ", ties" : "",
                                          infinities ? ", infinities" : "", gradient ? "" : ", no gradient",
                                          label_smoothing > 0 ? fmt::format(", smoothed by {}", label_smoothing) : "");
  Source values = ties ? integers(-1, 1) : normal(0, spread);
  if (infinities) values = with_infinities(classes, std::move(values));
  OpCase result = new_case("softmax_cross_entropy", details, DType::kFloat32);
  result.input("logits", shape, DType::kFloat32, std::move(values));
  result.input("labels", {samples}, DType::kInt32, integers(0, static_cast<int>(classes) - 1));
  if (gradient) result.output("dlogits", shape, DType::kFloat32);
  result.output("result", {3}, DType::kFloat32);
  result.operation = [smoothing = label_smoothing](const Named<TensorView>& v) -> Op {
    return SoftmaxCrossEntropy{v["logits"], v["labels"], v["dlogits"], v["result"], smoothing};
  };
  result.expect = [c = *this](const Named<Array>& in) { return expect_softmax(c, in); };
  return result;
}

}  // namespace drift::testing
