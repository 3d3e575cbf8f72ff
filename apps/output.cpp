#include "apps/output.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/check.h"

namespace drift {

void print_text(std::string_view text) {
  DRIFT_CHECK(kOutput, std::fwrite(text.data(), 1, text.size(), stdout) == text.size(),
              "the results cannot be written to stdout: {}", std::strerror(errno));
}

void finish_results() {
  const bool had_failed = std::ferror(stdout) != 0;  // with an error that was reported, or is not known any more
  const bool closed = std::fclose(stdout) == 0;
  DRIFT_CHECK(kOutput, closed && !had_failed, "the results cannot be written to stdout: {}",
              closed ? "what was written before failed" : std::strerror(errno));
}

}  // namespace drift
