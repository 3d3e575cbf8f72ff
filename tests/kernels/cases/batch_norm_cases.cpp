// The statistics' tolerance: Chan, Golub and LeVeque (1983) bound the variance of the two-pass and the updating
// algorithms by E sqrt(1 + mean^2/var) relative (+ its square), E the relative error of a float32 sum over the rows;
// the textbook E[x^2] - mean^2 has E (1 + mean^2/var), which the large-mean cases are there to reject.
#include <cmath>

#include "tests/kernels/cases/label.h"
#include "tests/kernels/cases/norm_error.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/batch_norm.h"

namespace drift::testing {
namespace {

constexpr DType kFloat = DType::kFloat32;

// [rows, channels] of 0 and 1 -> [rows, ceil(channels/8)]: bit c%8 of byte c/8.
Array packed(const Array& bits) {
  const std::int64_t channels = bits.shape.channels();
  Array bytes({bits.shape.rows(), (channels + 7) / 8});
  for (std::int64_t row = 0; row < bits.shape.rows(); ++row) {
    for (std::int64_t c = 0; c < channels; ++c)
      bytes.at(row, c / 8) += bits.at(row, c) * static_cast<double>(1 << (c % 8));
  }
  return bytes;
}

Array unpacked(const Array& bytes, const Shape& shape) {
  Array bits(shape);
  for (std::int64_t row = 0; row < shape.rows(); ++row) {
    for (std::int64_t c = 0; c < shape.channels(); ++c) {
      bits.at(row, c) = (static_cast<int>(bytes.at(row, c / 8)) >> (c % 8)) & 1;
    }
  }
  return bits;
}

Shape mask_shape(const Shape& x) {
  return {x.rows(), (x.channels() + 7) / 8};
}

std::string options_text(bool residual, bool relu) {
  return fmt::format("{}{}", residual ? ", residual" : "", relu ? ", relu" : "");
}

// Channels of mean 4, deviation 2^(c%3) in equal halves: with a power of two of rows, mean and inv_std are exact.
Source two_valued(std::int64_t channels) {
  return [channels](const Rng&, std::int64_t i) {
    const std::int64_t row = i / channels;
    return 4 + (row % 2 == 0 ? 1.0 : -1.0) * static_cast<double>(1 << (i % channels % 3));
  };
}

Named<Expected> expect_forward(const BatchNormForwardCase& c, const BatchNormForward& options, const Named<Array>& in) {
  const reference::BatchNormOptions reference_options{options.epsilon, options.momentum, c.relu};
  const auto result = reference::batch_norm_forward(in["x"], in["z"], in["gamma"], in["beta"], in["running_mean"],
                                                    in["running_var"], reference_options);
  const Array& x = in["x"];
  const std::int64_t rows = c.x.rows();
  const std::int64_t channels = c.x.channels();
  Expected y{result.y, Array(c.x)};
  Array unsure(c.x);  // 1 where the sign before the ReLU is within the error, or there is none
  Expected mean{result.mean, Array({channels})};
  Expected inv_std{result.inv_std, Array({channels})};
  Expected running_mean{result.running_mean, Array({channels})};
  Expected running_var{result.running_var, Array({channels})};
  for (std::int64_t k = 0; k < channels; ++k) {
    double mean_absolute = 0;
    for (std::int64_t row = 0; row < rows; ++row) mean_absolute += std::abs(x.at(row, k)) / static_cast<double>(rows);
    const StatisticsError error =
        statistics_error({rows, result.mean[k], mean_absolute, result.var[k], result.inv_std[k]});
    mean.tolerance[k] = error.mean;
    inv_std.tolerance[k] = error.inv_std;
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t i = row * channels + k;
      const double z = c.residual ? in["z"][i] : 0;
      const double off = normalised_error(x[i], {result.mean[k], result.inv_std[k], in["gamma"][k]}, error) +
                         4 * kUnit * (std::abs(in["beta"][k]) + std::abs(z));
      y.tolerance[i] = stored(c.dtype, result.y[i], off);
      unsure[i] = std::abs(result.before_relu[i]) > off ? 0 : 1;
    }
    if (c.running) {
      const double bessel = static_cast<double>(rows) / static_cast<double>(rows - 1);
      running_mean.tolerance[k] =
          options.momentum * error.mean + 4 * kUnit * (std::abs(in["running_mean"][k]) + mean_absolute);
      running_var.tolerance[k] =
          options.momentum * bessel * error.var + 6 * kUnit * (in["running_var"][k] + result.var[k] * bessel);
    }
  }
  Named<Expected> expected;
  expected.set("y", y);
  expected.set("mean", mean);
  expected.set("inv_std", inv_std);
  if (c.relu) expected.set("mask", {packed(result.mask), packed(unsure), /*packed_bits=*/true});
  if (c.running) {
    expected.set("running_mean", running_mean);
    expected.set("running_var", running_var);
  }
  return expected;
}

Named<Expected> expect_inference(const BatchNormInferenceCase& c, float epsilon, const Named<Array>& in) {
  const auto result = reference::batch_norm_inference(in["x"], in["z"], in["gamma"], in["beta"], in["mean"], in["var"],
                                                      {.epsilon = epsilon, .relu = c.relu});
  Expected y{result.y, Array(c.x)};
  Array unsure(c.x);
  Expected inv_std{result.inv_std, Array(result.inv_std.shape)};
  for (std::int64_t k = 0; k < c.x.channels(); ++k) inv_std.tolerance[k] = 3 * kUnit * result.inv_std[k];
  for (std::int64_t i = 0; i < c.x.elements(); ++i) {
    const std::int64_t k = i % c.x.channels();
    const double z = c.residual ? in["z"][i] : 0;
    const double off = normalised_error(in["x"][i], {in["mean"][k], result.inv_std[k], in["gamma"][k]},
                                        {.inv_std = inv_std.tolerance[k]}) +
                       4 * kUnit * (std::abs(in["beta"][k]) + std::abs(z));
    y.tolerance[i] = stored(c.dtype, result.y[i], off);
    unsure[i] = std::abs(result.before_relu[i]) > off ? 0 : 1;
  }
  Named<Expected> expected;
  expected.set("y", y);
  if (c.saves && c.relu) expected.set("mask", {packed(result.mask), packed(unsure), /*packed_bits=*/true});
  if (c.saves) expected.set("inv_std", inv_std);
  return expected;
}

// With dz, the g of every other output is what dz holds, rounded to the activation type; without, dy + dy2 is never
// rounded.
Array gradient_sum(const BatchNormBackwardCase& c, const Named<Array>& in) {
  Array sum = in["dy"];
  for (std::int64_t i = 0; i < sum.elements(); ++i) {
    if (c.dy2) sum[i] += in["dy2"][i];
    if (c.dz != Dz::kNone) sum[i] = rounded_to(c.dtype, sum[i]);
  }
  return sum;
}

Named<Expected> expect_backward(const BatchNormBackwardCase& c, const Named<Array>& in) {
  const Array mask = c.mask ? unpacked(in["mask"], c.x) : Array();
  const Array& x = in["x"];
  const auto statistics = c.frozen ? reference::NormStatistics::kFrozen : reference::NormStatistics::kBatch;
  const auto result = reference::batch_norm_backward(gradient_sum(c, in), {}, mask, x, in["mean"], in["inv_std"],
                                                     in["gamma"], statistics);
  const std::int64_t rows = c.x.rows();
  const std::int64_t channels = c.x.channels();
  const double count = static_cast<double>(rows);
  Expected dx{result.dx, Array(c.x)};
  Expected dgamma{result.dgamma, Array({channels})};
  Expected dbeta{result.dbeta, Array({channels})};
  for (std::int64_t k = 0; k < channels; ++k) {
    const double inv_std = in["inv_std"][k];
    const double scale = std::abs(in["gamma"][k] * inv_std);
    const auto xhat = [&](std::int64_t row) { return std::abs(x.at(row, k) - in["mean"][k]) * inv_std; };
    const auto off_xhat = [&](std::int64_t row) { return xhat_error(x.at(row, k), in["mean"][k], inv_std); };
    for (std::int64_t row = 0; row < rows; ++row) {
      const double g = std::abs(result.dz.at(row, k));
      dgamma.tolerance[k] += sum_error(rows) * g * xhat(row) + g * off_xhat(row);
      dbeta.tolerance[k] += (sum_error(rows) + kUnit) * g;
    }
    for (std::int64_t row = 0; row < rows; ++row) {
      const double g = std::abs(result.dz.at(row, k));
      const double mean_g = std::abs(result.dbeta[k]) / count;
      const double mean_gx = std::abs(result.dgamma[k]) / count;
      const double through_statistics = 6 * kUnit * (mean_g + xhat(row) * mean_gx) + dbeta.tolerance[k] / count +
                                        xhat(row) * dgamma.tolerance[k] / count + off_xhat(row) * mean_gx;
      const double off = 6 * kUnit * g + (c.frozen ? 0 : through_statistics);
      dx.tolerance.at(row, k) = stored(c.dtype, result.dx.at(row, k), scale * off);
    }
  }
  Named<Expected> expected;
  expected.set("dx", dx);
  expected.set("dgamma", dgamma);
  expected.set("dbeta", dbeta);
  expected.set(c.dz == Dz::kOverDy ? "dy" : c.dz == Dz::kOverDy2 ? "dy2" : "dz", {result.dz, {}});
  return expected;
}

}  // namespace

OpCase BatchNormForwardCase::make() const {
  const bool exact = fill == Fill::kExact;
  const Shape channels{x.channels()};
  std::string details = fmt::format("x {}{}{}", text(x), options_text(residual, relu), running ? ", running" : "");
  if (mean > 10) details += fmt::format(", mean {} std {}", mean, std);
  OpCase result = new_case(stored ? "batch_norm_forward" : "batch_norm_statistics_forward", details, dtype, fill);
  if (!stored) result.form = ConvolutionForm::kWinograd;
  Source values = exact ? two_valued(x.channels()) : normal(mean, std);
  if (dead_channel) {
    values = [values, width = x.channels()](const Rng& rng, std::int64_t i) {
      return i % width == 0 ? 0 : values(rng, i);
    };
  }
  result.input("x", x, dtype, values);
  if (residual) result.input("z", x, dtype, exact ? integers(-2, 2) : normal());
  const char* const why = stored ? "" : "statistics are of x";
  result.input("gamma", channels, kFloat, exact ? integers(-2, 2) : normal(1, 0.3)).stops_nan(why);
  result.input("beta", channels, kFloat, exact ? integers(-2, 2) : normal()).stops_nan(why);
  if (stored) result.output("y", x, dtype);
  if (relu) result.output("mask", mask_shape(x), DType::kUint8);
  result.output("mean", channels, kFloat).output("inv_std", channels, kFloat);
  if (running) {
    result.in_out("running_mean", channels, kFloat, normal());
    result.in_out("running_var", channels, kFloat, normal(5, 0.5));
  }
  BatchNormForward options;
  if (exact) options.epsilon = 0;
  result.operation = [options](const Named<TensorView>& v) -> Op {
    return BatchNormForward{v["x"],          v["z"],          v["gamma"],   v["beta"],         v["y"],
                            v["mask"],       v["mean"],       v["inv_std"], v["running_mean"], v["running_var"],
                            options.epsilon, options.momentum};
  };
  result.expect = [c = *this, options](const Named<Array>& in) { return expect_forward(c, options, in); };
  return result;
}

OpCase BatchNormInferenceCase::make() const {
  const bool exact = fill == Fill::kExact;
  const Shape channels{x.channels()};
  OpCase result =
      new_case("batch_norm_inference",
               fmt::format("x {}{}{}", text(x), options_text(residual, relu), saves ? ", saves" : ""), dtype, fill);
  result.input("x", x, dtype, exact ? integers(-4, 4) : normal(0.5, 2));
  if (residual) result.input("z", x, dtype, exact ? integers(-2, 2) : normal());
  result.input("gamma", channels, kFloat, exact ? integers(-2, 2) : normal(1, 0.3));
  result.input("beta", channels, kFloat, exact ? integers(-2, 2) : normal());
  result.input("mean", channels, kFloat, exact ? integers(-2, 2) : normal());
  result.input("var", channels, kFloat, exact ? constant(4) : normal(5, 0.5));
  result.output("y", x, dtype);
  if (saves && relu) result.output("mask", mask_shape(x), DType::kUint8);
  if (saves) result.output("inv_std", channels, kFloat);
  const float epsilon = exact ? 0 : 1e-5f;
  result.operation = [relu = relu, epsilon](const Named<TensorView>& v) -> Op {
    return BatchNormInference{v["x"], v["z"],    v["gamma"],   v["beta"], v["mean"], v["var"],
                              v["y"], v["mask"], v["inv_std"], relu,      epsilon};
  };
  result.expect = [c = *this, epsilon](const Named<Array>& in) { return expect_inference(c, epsilon, in); };
  return result;
}

OpCase BatchNormBackwardCase::make() const {
  const bool exact = fill == Fill::kExact;
  const Shape channels{x.channels()};
  const char* const dz_text[] = {"", ", dz", ", dz over dy", ", dz over dy2"};
  OpCase result = new_case("batch_norm_backward",
                           fmt::format("x {}{}{}{}{}", text(x), mask ? ", mask" : "", dy2 ? ", dy2" : "",
                                       dz_text[static_cast<int>(dz)], frozen ? ", frozen" : ""),
                           dtype, fill);
  const Source gradients = exact ? integers(-3, 3) : normal();
  const auto add_gradient = [&](const char* name, bool overwritten) {
    overwritten ? result.in_out(name, x, dtype, gradients) : result.input(name, x, dtype, gradients);
  };
  add_gradient("dy", dz == Dz::kOverDy);
  if (dy2) add_gradient("dy2", dz == Dz::kOverDy2);
  result.input("x", x, dtype, exact ? integers(-4, 4) : normal(0.5, 2));
  if (mask) {
    const std::int64_t bytes = mask_shape(x).channels();
    const int last = 0xff >> (8 * bytes - x.channels());  // padding bits are 0
    result.input("mask", mask_shape(x), DType::kUint8, [bytes, last](const Rng& rng, std::int64_t i) {
      const int byte = static_cast<int>(rng.below(static_cast<std::uint64_t>(i), 256));
      return i % bytes == bytes - 1 ? byte & last : byte;
    });
  }
  result.input("mean", channels, kFloat, exact ? integers(-2, 2) : normal(0.5, 0.1));
  result.input("inv_std", channels, kFloat, exact ? constant(0.5) : normal(0.5, 0.05));
  result.input("gamma", channels, kFloat, exact ? integers(-2, 2) : normal(1, 0.3));
  result.output("dx", x, dtype);
  if (dz == Dz::kOwn) result.output("dz", x, dtype);
  result.output("dgamma", channels, kFloat).output("dbeta", channels, kFloat);
  result.operation = [dz = dz, frozen = frozen](const Named<TensorView>& v) -> Op {
    const TensorView to = v[dz == Dz::kOverDy ? "dy" : dz == Dz::kOverDy2 ? "dy2" : "dz"];
    return BatchNormBackward{v["dy"],    v["dy2"], v["x"], v["mask"],   v["mean"],  v["inv_std"],
                             v["gamma"], v["dx"],  to,     v["dgamma"], v["dbeta"], frozen};
  };
  result.expect = [c = *this](const Named<Array>& in) { return expect_backward(c, in); };
  return result;
}

}  // namespace drift::testing
