// The last line of a terminal, rewritten in place: how far something is. A line that wraps could not be rewritten, so
// whoever draws asks how much room there is. Clock, stream and width are given, so tests need neither time nor a
// terminal.
#pragma once

#include <functional>
#include <ostream>
#include <string_view>
#include <utility>

#include "core/clock.h"

namespace drift {

// The width of the terminal that stderr is, asked at each call; null where stderr is none or TERM is "dumb".
std::function<int()> stderr_columns();

class TerminalLine {
 public:
  // columns: of the terminal, asked at each draw. Null: there is none, and nothing may be drawn.
  TerminalLine(std::function<int()> columns, std::ostream& out, const Clock& clock)
      : columns_(std::move(columns)), out_(out), clock_(clock) {}
  ~TerminalLine() { clear(); }
  TerminalLine(const TerminalLine&) = delete;
  TerminalLine& operator=(const TerminalLine&) = delete;

  bool is_there() const { return columns_ != nullptr; }
  // Whether the last draw is long enough ago.
  bool is_due() const;
  // Characters that fit.
  std::size_t width() const;
  void draw(std::string_view text);
  // Before anything else is written there.
  void clear();

 private:
  std::function<int()> columns_;
  std::ostream& out_;
  const Clock& clock_;
  double drawn_ = -1e9;
  bool open_ = false;
};

}  // namespace drift
