#include "core/terminal_line.h"

#include <algorithm>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace drift {
namespace {

constexpr double kRedrawSeconds = 0.1;

// Of a pseudo-terminal that was never given a size: 80.
int columns_of_stderr() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::function<int()> stderr_columns() {
  const char* term = std::getenv("TERM");
  const bool terminal = isatty(STDERR_FILENO) != 0 && term != nullptr && std::string_view(term) != "dumb";
  return terminal ? columns_of_stderr : std::function<int()>();
}

bool TerminalLine::is_due() const {
  return clock_.seconds() - drawn_ >= kRedrawSeconds;
}

// A line as wide as the terminal would put the cursor into the next one, on some terminals.
std::size_t TerminalLine::width() const {
  return static_cast<std::size_t>(std::max(columns_() - 1, 0));
}

void TerminalLine::draw(std::string_view text) {
  drawn_ = clock_.seconds();
  clear();
  out_ << text << std::flush;
  open_ = true;
}

void TerminalLine::clear() {
  if (!open_) return;
  out_ << "\r\033[K";
  open_ = false;
}

}  // namespace drift
