// OpTimer: time and cost by name of operation, of a backend whose operations are done when run() returns: a CPU's.
// OpClock is that of a GPU.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/clock.h"
#include "kernels/observed/forwarding_backend.h"

namespace drift {

class OpTimer final : public ForwardingBackend {
 public:
  // `inner` and `clock` must outlive it.
  explicit OpTimer(Backend& inner, const Clock& clock = steady_clock()) : ForwardingBackend(inner), clock_(clock) {}
  explicit OpTimer(std::unique_ptr<Backend> inner) : OpTimer(*inner) { owned_ = std::move(inner); }

  void run(const Op& op) override {
    OpTime& total = totals_[std::string(name_of(op))];
    const double begin = clock_.seconds();
    ForwardingBackend::run(op);
    total.milliseconds += 1e3 * (clock_.seconds() - begin);
    total.add_call(cost_of(op));
    ++total.timed;
  }
  std::map<std::string, OpTime> op_times() override { return totals_; }

 private:
  const Clock& clock_;
  std::unique_ptr<Backend> owned_;
  std::map<std::string, OpTime> totals_;
};

}  // namespace drift
