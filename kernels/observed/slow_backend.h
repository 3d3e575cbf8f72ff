// SlowBackend: a CPU's backend that takes `factor` times as long for everything, as on a slower machine: after each
// operation it waits for the rest. What it owes is paid in pieces that a thread can wait for, and before each stamp, so
// that the times between stamps are right. No bit changes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <variant>

#include "core/clock.h"
#include "kernels/observed/forwarding_backend.h"

namespace drift {

class SlowBackend final : public ForwardingBackend {
 public:
  using Wait = std::function<void(double seconds)>;

  // factor: at least 1. `clock` must outlive it; it goes on while `wait` waits.
  SlowBackend(std::unique_ptr<Backend> inner, double factor, const Clock& clock = steady_clock(), Wait wait = sleep)
      : ForwardingBackend(*inner), inner_(std::move(inner)), factor_(factor), clock_(clock), wait_(std::move(wait)) {}

  void run(const Op& op) override {
    if (std::holds_alternative<Stamp>(op)) pay();
    const double begin = clock_.seconds();
    ForwardingBackend::run(op);
    owed_ += (factor_ - 1) * (clock_.seconds() - begin);
    if (owed_ >= kPiece) pay();
  }

 private:
  // Seconds. A wait may be a tenth of it too long, which the next one makes good.
  static constexpr double kPiece = 1e-3;

  static void sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

  void pay() {
    if (owed_ <= 0) return;
    const double begin = clock_.seconds();
    wait_(owed_);
    owed_ -= clock_.seconds() - begin;
  }

  std::unique_ptr<Backend> inner_;
  double factor_;
  const Clock& clock_;
  Wait wait_;
  double owed_ = 0;  // seconds
};

}  // namespace drift
