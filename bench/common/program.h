// The outermost part of every bench program: an Error becomes one line and the exit code of its kind.
#pragma once

#include <fmt/core.h>

#include "core/check.h"

namespace drift::bench {

template <class Main>
int run_program(const char* name, const Main& main) {
  try {
    return main();
  } catch (const Error& error) {
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return exit_code(error.kind());
  }
}

}  // namespace drift::bench
