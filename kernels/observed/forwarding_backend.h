// ForwardingBackend passes everything on to another backend. What watches operations (clocks, ledgers, planted
// mistakes) derives from it and overrides run(), the one place that every operation goes through: none needs to know
// the list.
#pragma once

#include "kernels/backend.h"

namespace drift {

class ForwardingBackend : public Backend {
 public:
  // `inner` must outlive it.
  explicit ForwardingBackend(Backend& inner) : inner_(inner) {}

  Stream& stream() override { return inner_.stream(); }
  void run(const Op& op) override { inner_.run(op); }
  void begin_span(std::string_view name) override { inner_.begin_span(name); }
  void end_span() override { inner_.end_span(); }
  std::string_view last_span() const override { return inner_.last_span(); }
  std::int64_t workspace_bytes(const Op& op) override { return inner_.workspace_bytes(op); }
  bool normalises_input(const Conv2dForward& op) const override { return inner_.normalises_input(op); }
  bool adds_to_gradient(const Conv2dBackwardData& op) const override { return inner_.adds_to_gradient(op); }
  std::map<std::string, OpTime> op_times() override { return inner_.op_times(); }

 protected:
  Backend& inner() { return inner_; }

 private:
  Backend& inner_;
};

}  // namespace drift
