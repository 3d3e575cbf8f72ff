// What the tests of files that may be damaged, or have no room, expect: an Error of one kind that says certain things,
// and nothing else.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/support/error_of.h"

namespace drift::testing {

// Runs `action`; the message must hold every one of `parts`.
template <class Action>
void expect_error(ErrorKind kind, const Action& action, std::initializer_list<std::string_view> parts,
                  std::string_view what = "") {
  const Error error = error_of(action);
  EXPECT_EQ(error.kind(), kind) << what << ": " << error.what();
  for (const std::string_view part : parts) {
    EXPECT_NE(error.message().find(part), std::string::npos)
        << what << ": '" << part << "' is not in: " << error.message();
  }
}
template <class Action>
void expect_checkpoint_error(const Action& action, std::initializer_list<std::string_view> parts,
                             std::string_view what = "") {
  expect_error(ErrorKind::kCheckpoint, action, parts, what);
}
template <class Action>
void expect_output_error(const Action& action, std::initializer_list<std::string_view> parts) {
  expect_error(ErrorKind::kOutput, action, parts);
}

}  // namespace drift::testing
