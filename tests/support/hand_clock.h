// A clock that a test sets.
#pragma once

#include "core/clock.h"

namespace drift::testing {

class HandClock final : public Clock {
 public:
  double now = 0;
  double seconds() const override { return now; }
};

}  // namespace drift::testing
