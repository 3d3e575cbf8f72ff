#include "train/runs/progress.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>

namespace drift {
namespace {

constexpr Step kPlainLines = 50;     // of a whole run
constexpr std::size_t kLatest = 20;  // steps that loss and speed are means over

// 1, 2, 5, 10, 20, 50 ...: the first that gives at most kPlainLines lines.
Step plain_rhythm(Step total_steps) {
  for (Step power = 1;; power *= 10) {
    for (const Step step : {power, 2 * power, 5 * power}) {
      if (step * kPlainLines >= total_steps) return step;
    }
  }
}

// The fields of a line, in its order.
enum Field : std::size_t { kEpoch, kStep, kLoss, kRate, kSpeed, kSync, kLeft, kFields };
using Fields = std::array<std::string, kFields>;
constexpr Field kMostTellingFirst[] = {kStep, kLoss, kEpoch, kLeft, kSpeed, kRate, kSync};
constexpr std::string_view kGap = "  ";

// Each field that still has room beside more telling ones, whole; part of the first where there is room for none.
std::string fitted(const Fields& fields, std::size_t width) {
  std::array<bool, kFields> shown{};
  std::size_t used = 0;
  for (const Field field : kMostTellingFirst) {
    const std::size_t size = fields[field].size() + (used == 0 ? 0 : kGap.size());
    if (used + size > width) continue;
    shown[field] = true;
    used += size;
  }
  if (used == 0) return fields[kMostTellingFirst[0]].substr(0, width);
  std::string line;
  for (std::size_t field = 0; field < kFields; ++field) {
    if (shown[field]) line.append(line.empty() ? std::string_view() : kGap).append(fields[field]);
  }
  return line;
}

std::string sync_text(const StepRecord& record) {
  if (record.sync == Sync::kGradients) return "synchronous";
  return fmt::format("local, H {}, {} averages", record.period,
                     record.round + (record.sync == Sync::kParameters ? 1 : 0));
}

}  // namespace

void adapt_to_stderr(ProgressOptions& options) {
  const char* no_color = std::getenv("NO_COLOR");
  options.columns = stderr_columns();
  options.color = options.columns && (no_color == nullptr || *no_color == '\0');
}

Progress::Progress(const ProgressOptions& options, std::ostream& out, const Clock& clock)
    : options_(options),
      out_(out),
      clock_(clock),
      terminal_(options.columns, out, clock),
      line_every_(plain_rhythm(options.total_steps)),
      started_(clock.seconds()) {}

void Progress::step(const StepRecord& record) {
  latest_.push_back(record);
  if (latest_.size() > kLatest) latest_.pop_front();
  const Step done = record.step + 1;
  const bool last = done == options_.total_steps;
  if (!terminal_.is_there()) {
    if (done % line_every_ == 0 || done == options_.first_step + 1 || last) print_line(line(record, std::string::npos));
    return;
  }
  if (last || terminal_.is_due()) terminal_.draw(line(record, terminal_.width()));
}

void Progress::evaluation(const EvalRecord& record) {
  terminal_.clear();
  const char* bold = options_.color ? "\033[1m" : "";
  const char* plain = options_.color ? "\033[0m" : "";
  std::string validation;
  if (const auto& held_out = record.validation) {
    validation = fmt::format("  val top1 {:.4f} ({}/{})  val top5 {:.4f}  val loss {:.4f}", held_out->top1,
                             held_out->correct, held_out->total, held_out->top5, held_out->loss);
  }
  print_line(fmt::format(
      "{}epoch {:.2f}  step {}  test top1 {:.4f} ({}/{})  test top5 {:.4f}  test loss {:.4f}{}{}  ({:.1f} s)", bold,
      record.epoch, record.step, record.top1, record.correct, record.total, record.top5, record.loss, validation, plain,
      record.seconds));
}

void Progress::message(std::string_view text) {
  terminal_.clear();
  print_line(text);
}

std::string Progress::line(const StepRecord& record, std::size_t width) const {
  double loss = 0, seconds = 0;
  for (const StepRecord& step : latest_) {
    loss += step.loss;
    seconds += step.seconds;
  }
  const double count = static_cast<double>(latest_.size());
  const double speed = seconds > 0 ? count * static_cast<double>(options_.global_batch) / seconds : 0;
  const Step done = record.step + 1;
  return fitted({fmt::format("epoch {:.2f}", record.epoch), fmt::format("step {}/{}", done, options_.total_steps),
                 fmt::format("loss {:.4f}", loss / count), fmt::format("lr {:.4g}", record.lr),
                 fmt::format("{:.0f} img/s", speed), sync_text(record), remaining(done)},
                width);
}

std::string Progress::remaining(Step steps_done) const {
  const double elapsed = clock_.seconds() - started_;
  const double steps = static_cast<double>(std::max<Step>(steps_done - options_.first_step, 1));
  return duration_text(elapsed / steps * static_cast<double>(options_.total_steps - steps_done)) + " left";
}

void Progress::print_line(std::string_view text) {
  out_ << std::string(text) + "\n" << std::flush;  // one write: mpirun hands on what comes at once
}

std::string duration_text(double seconds) {
  const std::int64_t whole = std::llround(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace drift
