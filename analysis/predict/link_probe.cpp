#include "analysis/predict/link_probe.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "core/check.h"
#include "core/clock.h"
#include "kernels/device.h"

namespace drift {
namespace {

constexpr std::array<std::int64_t, 5> kFloats = {1 << 8, 1 << 12, 1 << 15, 1 << 17, 1 << 19};  // 1 KiB to 2 MiB
constexpr int kTries = 9;

// The next process's floats, there and what came from the one before, back.
void round_trip(Transport& transport, std::span<float> mine, std::span<float> theirs, Stream& stream) {
  const int all = transport.processes();
  const int next = (transport.process() + 1) % all, before = (transport.process() + all - 1) % all;
  const auto pass = [&](std::span<float> out, int to, std::span<float> in, int from) {
    const std::array sends = {Transport::Send{.values = out, .to = to}};
    const std::array receives = {Transport::Receive{.values = in, .from = from}};
    transport.start(sends, receives, stream)->wait();
  };
  pass(mine, next, theirs, before);
  pass(theirs, before, mine, next);
}

// The most that one of the processes says.
double most_of(Transport& transport, float seconds, Stream& stream) {
  double most = seconds;
  float passed = seconds, other = 0;
  for (int turn = 1; turn < transport.processes(); ++turn) {
    const int all = transport.processes();
    const std::array sends = {Transport::Send{.values = std::span(&passed, 1), .to = (transport.process() + 1) % all}};
    const std::array receives = {
        Transport::Receive{.values = std::span(&other, 1), .from = (transport.process() + all - 1) % all}};
    transport.start(sends, receives, stream)->wait();
    passed = other;
    most = std::max<double>(most, passed);
  }
  return most;
}

}  // namespace

LinkOptions fit_link(std::span<const RoundTrip> trips) {
  DRIFT_ASSERT(trips.size() >= 2, "{} round trips make no line", trips.size());
  double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;
  for (const RoundTrip& trip : trips) {
    const double x = static_cast<double>(trip.bytes), y = trip.seconds / 2, weight = 1 / (y * y);
    w += weight;
    wx += weight * x;
    wxx += weight * x * x;
    wy += weight * y;
    wxy += weight * x * y;
  }
  const double slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  constexpr double kLeast = 1e-15;  // seconds per byte: a million GB/s
  return {.bytes_per_second = 1 / std::max(slope, kLeast), .latency_seconds = std::max(0.0, (wy - slope * wx) / w)};
}

LinkOptions probe_link(Transport& transport) {
  DRIFT_ASSERT(!transport.only_enqueues() && transport.processes() > 1, "a link is measured by hosts that wait");
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::vector<RoundTrip> trips;
  for (const std::int64_t floats : kFloats) {
    std::vector<float> mine(static_cast<std::size_t>(floats)), theirs(mine.size());
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < kTries; ++i) {
      transport.barrier();
      const double begin = steady_clock().seconds();
      round_trip(transport, mine, theirs, *stream);
      least = std::min(least, steady_clock().seconds() - begin);
    }
    const double slowest = most_of(transport, static_cast<float>(least), *stream);
    trips.push_back({.bytes = floats * static_cast<std::int64_t>(sizeof(float)), .seconds = slowest});
  }
  return fit_link(trips);
}

}  // namespace drift
