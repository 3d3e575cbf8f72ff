// The Error that something throws, for tests of what it says.
#pragma once

#include <gtest/gtest.h>

#include "core/check.h"

namespace drift::testing {

// What `action` throws; fails the test if it throws nothing.
template <class Action>
Error error_of(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorKind::kInternal, "", "", std::source_location::current()};
}

}  // namespace drift::testing
