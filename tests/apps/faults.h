// Calls that go wrong on purpose (faults.cpp).
#pragma once

namespace drift::testing {

// Whether this call of `call` is to fail. Does the other things itself.
bool goes_wrong(const char* call);

}  // namespace drift::testing
