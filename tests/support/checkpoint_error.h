// What the tests of files that may be damaged expect: an Error of kind kCheckpoint that says certain things, and
// nothing else.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/support/error_of.h"

namespace drift::testing {

// Runs `action`; the message must hold every one of `parts`.
template <class Action>
void expect_checkpoint_error(const Action& action, std::initializer_list<std::string_view> parts,
                             std::string_view what = "") {
  const Error error = error_of(action);
  EXPECT_EQ(error.kind(), ErrorKind::kCheckpoint) << what << ": " << error.what();
  for (const std::string_view part : parts) {
    EXPECT_NE(error.message().find(part), std::string::npos)
        << what << ": '" << part << "' is not in: " << error.message();
  }
}

}  // namespace drift::testing
