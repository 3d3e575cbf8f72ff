// Variables of the environment that programs started meanwhile see.
#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

namespace drift::testing {

class ScopedVariables {
 public:
  using Values = std::map<std::string, std::string>;  // by name

  explicit ScopedVariables(Values values) : values_(std::move(values)) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  }
  ~ScopedVariables() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }
  ScopedVariables(const ScopedVariables&) = delete;
  ScopedVariables& operator=(const ScopedVariables&) = delete;

 private:
  Values values_;
};

}  // namespace drift::testing
