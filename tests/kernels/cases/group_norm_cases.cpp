// Bounds as for batch norm (norm_error.h), with one mean and one variance per sample and group.
#include <cmath>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/cases/norm_error.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/group_norm.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

// Which sample and group element i of x belongs to, as an index into [N,groups].
struct Groups {
  std::int64_t sample_elements, channels, groups;

  Groups(const Shape& x, std::int64_t count) : sample_elements(x[1] * x[2] * x[3]), channels(x[3]), groups(count) {}
  std::int64_t members() const { return sample_elements / groups; }
  std::int64_t of(std::int64_t i) const { return i / sample_elements * groups + i % channels / (channels / groups); }
};

// Mean 4, deviation 2 in equal halves: pixels alternate, so every group is balanced if the pixels are even in number.
double two_valued(std::int64_t row) {
  return row % 2 == 0 ? 6 : 2;
}

Named<Expected> expect_forward(const GroupNormCase& c, double epsilon, const Named<Array>& in) {
  const Array& x = in["x"];
  const auto result = reference::group_norm_forward(x, in["gamma"], in["beta"], c.groups, epsilon);
  const Groups groups(c.x, c.groups);
  const double count = static_cast<double>(groups.members());
  Array mean_absolute(result.mean.shape);
  for (std::int64_t i = 0; i < x.elements(); ++i) mean_absolute[groups.of(i)] += std::abs(x[i]) / count;
  Expected y{result.y, Array(c.x)};
  Expected mean{result.mean, Array(result.mean.shape)};
  Expected inv_std{result.inv_std, Array(result.mean.shape)};
  const auto error_of = [&](std::int64_t k) {
    return statistics_error({groups.members(), result.mean[k], mean_absolute[k], result.var[k], result.inv_std[k]});
  };
  for (std::int64_t k = 0; k < result.mean.elements(); ++k) {
    mean.tolerance[k] = error_of(k).mean;
    inv_std.tolerance[k] = error_of(k).inv_std;
  }
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t k = groups.of(i);
    const std::int64_t channel = i % c.x.channels();
    const double off = normalised_error(x[i], {result.mean[k], result.inv_std[k], in["gamma"][channel]}, error_of(k)) +
                       4 * kUnit * std::abs(in["beta"][channel]);
    y.tolerance[i] = stored(c.dtype, result.y[i], off);
  }
  Named<Expected> expected;
  expected.set("y", y);
  expected.set("mean", mean);
  expected.set("inv_std", inv_std);
  return expected;
}

Named<Expected> expect_backward(const GroupNormCase& c, const Named<Array>& in) {
  const Array& x = in["x"];
  const auto result = reference::group_norm_backward(in["dy"], x, in["mean"], in["inv_std"], in["gamma"], c.groups);
  const Groups groups(c.x, c.groups);
  const double count = static_cast<double>(groups.members());
  const Shape statistics = in["mean"].shape;
  // Per group the means of g = gamma dy and of g xhat, of their absolutes, and the errors of the means.
  Array mean_g(statistics), mean_gx(statistics), mean_g_error(statistics), mean_gx_error(statistics);
  Expected dx{result.dx, Array(c.x)};
  Expected dgamma{result.dgamma, Array(result.dgamma.shape)};
  Expected dbeta{result.dbeta, Array(result.dbeta.shape)};
  const auto xhat = [&](std::int64_t i, std::int64_t k) { return (x[i] - in["mean"][k]) * in["inv_std"][k]; };
  const auto off_xhat = [&](std::int64_t i, std::int64_t k) {
    return xhat_error(x[i], in["mean"][k], in["inv_std"][k]);
  };
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t k = groups.of(i);
    const std::int64_t channel = i % c.x.channels();
    const double dy = in["dy"][i];
    const double g = in["gamma"][channel] * dy;
    const double size = std::abs(xhat(i, k));
    const double channel_error = sum_error(c.x.rows()) + 2 * kUnit;
    dgamma.tolerance[channel] += std::abs(dy) * (channel_error * size + off_xhat(i, k));
    dbeta.tolerance[channel] += std::abs(dy) * channel_error;
    const double group_error = sum_error(groups.members()) + 3 * kUnit;
    mean_g[k] += g / count;
    mean_gx[k] += g * xhat(i, k) / count;
    mean_g_error[k] += group_error * std::abs(g) / count;
    mean_gx_error[k] += std::abs(g) * (group_error * size + off_xhat(i, k)) / count;
  }
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t k = groups.of(i);
    const double g = std::abs(in["gamma"][i % c.x.channels()] * in["dy"][i]);
    const double size = std::abs(xhat(i, k));
    const double off = 6 * kUnit * (g + std::abs(mean_g[k]) + size * std::abs(mean_gx[k])) + mean_g_error[k] +
                       size * mean_gx_error[k] + off_xhat(i, k) * std::abs(mean_gx[k]);
    dx.tolerance[i] = stored(c.dtype, result.dx[i], in["inv_std"][k] * off);
  }
  Named<Expected> expected;
  expected.set("dx", dx);
  expected.set("dgamma", dgamma);
  expected.set("dbeta", dbeta);
  return expected;
}

}  // namespace

OpCase GroupNormCase::make() const {
  const bool exact = fill == Fill::kExact;
  const Shape channels{x.channels()};
  const Shape statistics{x[0], groups};
  std::string details = fmt::format("x {}, {} groups", text(x), groups);
  if (mean > 10) details += fmt::format(", mean {} std {}", mean, std);
  OpCase result = new_case(backward ? "group_norm_backward" : "group_norm_forward", details, dtype, fill);
  const Source gamma = exact ? integers(-2, 2) : normal(1, 0.3);
  if (backward) {
    result.input("dy", x, dtype, exact ? integers(-3, 3) : normal());
    result.input("x", x, dtype, exact ? integers(-4, 4) : normal(mean, std)).input("gamma", channels, kFloat, gamma);
    result.input("mean", statistics, kFloat, exact ? integers(-2, 2) : normal(0.5, 0.1));
    result.input("inv_std", statistics, kFloat, exact ? constant(0.5) : normal(0.5, 0.05));
    result.output("dx", x, dtype).output("dgamma", channels, kFloat).output("dbeta", channels, kFloat);
    result.operation = [count = groups](const Named<TensorView>& v) -> Op {
      return GroupNormBackward{v["dy"], v["x"],      v["gamma"], v["mean"], v["inv_std"],
                               v["dx"], v["dgamma"], v["dbeta"], count};
    };
    result.expect = [c = *this](const Named<Array>& in) { return expect_backward(c, in); };
    return result;
  }
  const float epsilon = exact ? 0 : 1e-5f;
  const Source alternating = [width = x.channels()](const Rng&, std::int64_t i) { return two_valued(i / width); };
  result.input("x", x, dtype, exact ? alternating : normal(mean, std)).input("gamma", channels, kFloat, gamma);
  result.input("beta", channels, kFloat, exact ? integers(-2, 2) : normal());
  result.output("y", x, dtype).output("mean", statistics, kFloat).output("inv_std", statistics, kFloat);
  result.operation = [count = groups, epsilon](const Named<TensorView>& v) -> Op {
    return GroupNormForward{v["x"], v["gamma"], v["beta"], v["y"], v["mean"], v["inv_std"], count, epsilon};
  };
  result.expect = [c = *this, epsilon](const Named<Array>& in) { return expect_forward(c, epsilon, in); };
  return result;
}

}  // namespace drift::testing
