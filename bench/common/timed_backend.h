// A backend that passes every operation on and keeps it with the time it took; what it must at least have moved and
// computed follows from the operation itself (kernels/cost.h).
#pragma once

#include <map>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "kernels/cost.h"
#include "kernels/observed/forwarding_backend.h"

namespace drift::bench {

struct TimedOp {
  Op op;  // its memory may be gone
  OpCost cost;
  double seconds = 0;
};

class TimedBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  void run(const Op& op) override {
    const double start = steady_clock().seconds();
    inner().run(op);
    const double end = steady_clock().seconds();
    ops_.push_back({op, cost_of(op), end - start});
  }

  const std::vector<TimedOp>& ops() const { return ops_; }
  void reset() { ops_.clear(); }

 private:
  std::vector<TimedOp> ops_;
};

struct OpTotals {
  std::int64_t calls = 0;
  double seconds = 0;
  double bytes = 0;
  double flops = 0;
};

// By name of operation.
inline std::map<std::string_view, OpTotals> totals_of(const std::vector<TimedOp>& ops) {
  std::map<std::string_view, OpTotals> totals;
  for (const auto& [op, cost, seconds] : ops) {
    OpTotals& total = totals[name_of(op)];
    ++total.calls;
    total.seconds += seconds;
    total.bytes += static_cast<double>(cost.bytes);
    total.flops += static_cast<double>(cost.flops());
  }
  return totals;
}

}  // namespace drift::bench
