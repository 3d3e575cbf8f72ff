// The seed of randomised tests: DRIFT_TEST_SEED if set, else drawn from the clock; printed at start and with every failure, so that
// any failure can be replayed.
#pragma once

#include <cstdint>

namespace drift::testing {

std::uint64_t seed();

}  // namespace drift::testing
