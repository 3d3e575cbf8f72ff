// A backend whose operations take their time by a clock that the test moves.
#pragma once

#include <variant>

#include "tests/support/fake_backend.h"
#include "tests/support/hand_clock.h"

namespace drift::testing {

// A fill takes a quarter of a second, all else two.
class SlowFake final : public FakeBackend {
 public:
  explicit SlowFake(HandClock& clock) : clock_(clock) {}
  void run(const Op& op) override { clock_.now += std::holds_alternative<Fill>(op) ? 0.25 : 2; }

 private:
  HandClock& clock_;
};

}  // namespace drift::testing
