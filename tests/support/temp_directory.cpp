#include "tests/support/temp_directory.h"

#include <cstdlib>
#include <string>

#include "core/check.h"

namespace drift::testing {

TempDirectory::TempDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "drift-test-XXXXXX").string();
  DRIFT_CHECK(kInternal, mkdtemp(pattern.data()) != nullptr, "no temporary directory at {}", pattern);
  path_ = pattern;
}

TempDirectory::~TempDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace drift::testing
