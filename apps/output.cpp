#include "apps/output.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/check.h"

namespace drift {

void secure_standard_streams() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // A new descriptor has the lowest number that is free. With O_PATH it is no more than a number.
    if (::fcntl(stream, F_GETFD) < 0) ::open("/", O_PATH);
  }
}

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
