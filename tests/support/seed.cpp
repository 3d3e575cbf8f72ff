#include "tests/support/seed.h"

#include <chrono>
#include <cstdlib>
#include <string>

namespace drift::testing {

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    if (const char* text = std::getenv("DRIFT_TEST_SEED")) return static_cast<std::uint64_t>(std::stoull(text));
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    return static_cast<std::uint64_t>(now) % 1'000'000'007u;
  }();
  return value;
}

}  // namespace drift::testing
