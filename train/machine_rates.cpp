#include "train/machine_rates.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <memory>

#include "core/stopwatch.h"
#include "kernels/backend.h"
#include "kernels/cost.h"

namespace drift {
namespace {

// Seconds of the fastest of some calls behind a first one: `count`, or fewer where they take too long.
double fastest(int count, const std::function<void()>& call) {
  constexpr double kLongest = 0.02;
  call();
  double best = std::numeric_limits<double>::infinity();
  const Stopwatch all;
  for (int i = 0; i < count && (i == 0 || all.seconds() < kLongest); ++i) {
    const Stopwatch watch;
    call();
    best = std::min(best, watch.seconds());
  }
  return std::max(best, 1e-9);
}

}  // namespace

MachineRates measure_rates(int threads) {
  constexpr std::array<std::int64_t, 4> kBytes = {1 << 18, 3 << 20, 12 << 20, 96 << 20};
  constexpr std::int64_t kRows = 256, kWidth = 256;
  const std::unique_ptr<Stream> stream = make_stream(Device{}, threads);
  const std::unique_ptr<Backend> backend = make_backend(*stream);
  Storage memory(Device{}, static_cast<std::size_t>(kBytes.back()));
  float* const floats = static_cast<float*>(memory.data());
  backend->fill({.data = floats, .shape = {kBytes.back() / 4}}, 1);
  const auto view = [&](std::int64_t offset, const Shape& shape) {
    return TensorView{.data = floats + offset, .shape = shape};
  };
  MachineRates rates;
  for (const std::int64_t bytes : kBytes) {
    const std::int64_t n = bytes / 12;
    const Add add{view(0, {n}), view(n, {n}), view(2 * n, {n})};
    const double seconds = fastest(10, [&] { backend->run(add); });
    rates.memory.push_back({bytes, static_cast<double>(cost_of(add).bytes) / seconds});
  }
  const LinearForward product{.x = view(0, {kRows, kWidth}),
                              .w = view(kRows * kWidth, {kWidth, kWidth}),
                              .bias = view(3 * kRows * kWidth, {kWidth}),
                              .y = view(2 * kRows * kWidth, {kRows, kWidth})};
  const double seconds = fastest(10, [&] { backend->run(product); });
  rates.multiply_adds = static_cast<double>(cost_of(product).multiply_adds) / seconds;
  return rates;
}

}  // namespace drift
