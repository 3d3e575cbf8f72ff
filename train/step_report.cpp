#include "train/step_report.h"

#include <array>
#include <charconv>
#include <tuple>

#include "core/check.h"

namespace drift {
namespace {

// In the order of the line.
template <class Report>
auto fields_of(Report& r) {
  const auto times = std::apply([&](const auto... member) { return std::tie(r.times.*member...); }, StepTimes::kAll);
  return std::tuple_cat(std::tie(r.step, r.worker, r.result.loss, r.result.correct, r.result.correct_top5), times,
                        std::tie(r.bytes, r.round.from_mean, r.round.moved, r.round.norm, r.elapsed_seconds));
}

// The next number, and what separates it from the one behind.
template <class Number>
bool take(std::string_view& rest, Number& number) {
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc{}) return false;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (!rest.starts_with(' ')) return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

std::string encode(const StepReport& report) {
  // The shortest text that reads back as the same number.
  return std::apply([](const auto&... field) { return (fmt::format("{} ", field) + ...); }, fields_of(report));
}

StepReport decode_report(std::string_view line) {
  StepReport report;
  std::string_view rest = line;
  const bool complete = std::apply([&](auto&... field) { return (take(rest, field) && ...); }, fields_of(report));
  DRIFT_CHECK(kComm, complete && rest.empty(), "'{}' is not the report of a step", line.substr(0, 100));
  return report;
}

}  // namespace drift
