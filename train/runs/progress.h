// Progress: a MetricsSink for people. On a terminal one line that is rewritten in place, otherwise plain lines, as many
// for a short run as for a long one. A line that wraps could not be rewritten, so on a narrow terminal it leaves out
// what matters less. Loss and speed are means over the latest steps. Clock, stream and width are given, so tests need
// neither time nor a terminal.
#pragma once

#include <deque>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/terminal_line.h"
#include "train/runs/records.h"

namespace drift {

struct ProgressOptions {
  Step first_step = 0;            // where this session begins
  Step total_steps = 0;           // of the whole run
  std::int64_t global_batch = 1;  // K B_loc, for images/s
  // Of a terminal, asked at each draw: there one line is rewritten. Null: plain lines.
  std::function<int()> columns = {};
  bool color = false;  // only on a terminal
};

// What stderr allows: a terminal if it is one and TERM is not "dumb", colour unless NO_COLOR is set.
void adapt_to_stderr(ProgressOptions& options);

class Progress final : public MetricsSink {
 public:
  Progress(const ProgressOptions& options, std::ostream& out, const Clock& clock);

  void step(const StepRecord& record) override;
  void evaluation(const EvalRecord& record) override;
  // A line of its own, above the one that is rewritten.
  void message(std::string_view text);

 private:
  // At most `width` characters.
  std::string line(const StepRecord& record, std::size_t width) const;
  std::string remaining(Step steps_done) const;
  void print_line(std::string_view text);

  ProgressOptions options_;
  std::ostream& out_;
  const Clock& clock_;
  TerminalLine terminal_;
  Step line_every_;
  double started_;
  std::deque<StepRecord> latest_;
};

// "4 s", "2 min 05 s", "3 h 07 min".
std::string duration_text(double seconds);

}  // namespace drift
