// What every bench program has: an Error becomes one line and the exit code of its kind, figures become a file.
#pragma once

#include <fmt/core.h>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

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

// Throws kData for a file that cannot be written.
inline void write_json(const std::string& path, const nlohmann::json& json) {
  std::ofstream file(path);
  file << json.dump(2) << "\n";
  DRIFT_CHECK(kData, file.flush(), "cannot write {}", path);
}

}  // namespace drift::bench
