// The seed of randomised tests: DRIFT_TEST_SEED if set, else drawn from the clock; printed at the start of each
// program, so that any failure can be replayed.
#pragma once

#include <cstdint>

namespace drift::testing {

std::uint64_t seed();

}  // namespace drift::testing
