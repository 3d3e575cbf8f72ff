// Calls that go wrong on purpose (faults.cpp).
#pragma once

namespace drift::testing {

// Whether this call of `call` is to fail, or to do half of its work where it can. Does the other things itself.
bool goes_wrong(const char* call, bool has_halves = false);

// What a call that fails says: as asked for, or `otherwise`.
int reason_or(int otherwise);
// Whether a call that goes wrong does half of its work, instead of failing.
bool does_half();
// After that half.
void half_is_done();

}  // namespace drift::testing
