#include "train/machine_rates.h"

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

#include "core/stopwatch.h"
#include "kernels/backend.h"
#include "kernels/cost.h"
#include "train/step/worker.h"

namespace drift {
namespace {

constexpr double kLongest = 0.02;  // seconds for one rate

// A backend of its own, and the time of what it does by the device's clock.
class Probe {
 public:
  Probe(Device device, int threads, const MachineConfig& config, std::size_t bytes)
      : stream_(make_stream(device, threads)),
        backend_(make_backend(*stream_, backend_options(config))),
        memory_(device, bytes),
        stamps_(device, 2 * sizeof(std::int64_t)) {
    backend_->fill(view(0, {static_cast<std::int64_t>(bytes / sizeof(float))}), 1);
  }

  // offset: bytes.
  TensorView view(std::int64_t offset, const Shape& shape, DType dtype = DType::kFloat32) const {
    return {.data = static_cast<std::byte*>(memory_.data()) + offset, .shape = shape, .dtype = dtype};
  }

  // Of the fastest of some calls behind a first one: ten, or fewer where they take too long.
  double seconds(const Op& op) {
    backend_->run(op);
    double best = std::numeric_limits<double>::infinity();
    const Stopwatch all;
    for (int i = 0; i < 10 && (i == 0 || all.seconds() < kLongest); ++i) {
      stamp(0);
      backend_->run(op);
      stamp(1);
      std::array<std::int64_t, 2> times;
      backend_->download({.data = stamps_.data(), .shape = {2}, .dtype = DType::kInt64}, times.data());
      best = std::min(best, 1e-9 * static_cast<double>(times[1] - times[0]));
    }
    return std::max(best, 1e-9);
  }

 private:
  void stamp(int place) {
    backend_->stamp({.data = static_cast<std::int64_t*>(stamps_.data()) + place, .shape = {1}, .dtype = DType::kInt64});
  }

  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  Storage memory_, stamps_;
};

void measure_memory(Probe& probe, MachineRates& rates) {
  for (const std::int64_t bytes : {1 << 18, 3 << 20, 12 << 20, 96 << 20}) {
    const std::int64_t n = bytes / 12;
    const Add add{probe.view(0, {n}), probe.view(4 * n, {n}), probe.view(8 * n, {n})};
    const double seconds = probe.seconds(add);
    rates.memory.push_back({bytes, static_cast<double>(cost_of(add).bytes) / seconds});
    if (seconds > kLongest) return;
  }
}

// Of a square matrix with one of so many rows.
double multiply_adds_per_second(Probe& probe, std::int64_t width, DType dtype) {
  const std::int64_t bytes = width * width * static_cast<std::int64_t>(size_of(dtype));
  const LinearForward product{.x = probe.view(0, {width, width}, dtype),
                              .w = probe.view(bytes, {width, width}, dtype),
                              .bias = probe.view(2 * bytes + 4 * width * width, {width}),
                              .y = probe.view(2 * bytes, {width, width})};
  return static_cast<double>(cost_of(product).multiply_adds) / probe.seconds(product);
}

}  // namespace

MachineRates measure_rates(Device device, int threads, const MachineConfig& config) {
  Probe probe(device, threads, config, 96 << 20);
  MachineRates rates;
  measure_memory(probe, rates);
  // On a CPU a larger one does not lie in the cache; on a GPU a smaller one does not keep it busy.
  const std::int64_t widest = device.type == DeviceType::kCpu ? 256 : 2048;
  for (std::int64_t width = 256; width <= widest; width *= 2) {
    const double rate = multiply_adds_per_second(probe, width, config.precision);
    rates.multiply_adds = std::max(rates.multiply_adds, rate);
    const double next = 8 * static_cast<double>(width * width * width) / rate;
    if (next > kLongest) break;
  }
  return rates;
}

}  // namespace drift
