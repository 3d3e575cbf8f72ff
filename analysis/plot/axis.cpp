#include "analysis/plot/axis.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <string_view>

namespace drift {
namespace {

// The first of 1, 2, 5, 10, 20 ... (times a power of ten) that is not far below `step`.
double round_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double factor : {1, 2, 5}) {
    if (factor * power >= 0.8 * step) return factor * power;
  }
  return 10 * power;
}

std::string with_prefix(double value, std::string_view unit) {
  constexpr std::array kPrefixes = {"", "k", "M", "G", "T", "P"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 1000 && prefix + 1 < kPrefixes.size()) {
    value /= 1000;
    ++prefix;
  }
  return fmt::format("{:.4g} {}{}", value, kPrefixes[prefix], unit);
}

struct TimeUnit {
  double seconds;
  std::string_view name;
};

// In which a time is read, and others beside it that are smaller.
TimeUnit time_unit(double seconds) {
  if (std::abs(seconds) < 120) return {1, "s"};
  if (std::abs(seconds) < 7200) return {60, "min"};
  return {3600, "h"};
}

std::string time_text(double seconds, const TimeUnit& unit) {
  return fmt::format("{:.4g} {}", seconds / unit.seconds, unit.name);
}

}  // namespace

std::string value_text(double value, Unit unit) {
  switch (unit) {
    case Unit::kPercent:
      return fmt::format("{:.4g} %", 100 * value);
    case Unit::kBytes:
      return with_prefix(value, "B");
    case Unit::kSeconds:
      return time_text(value, time_unit(value));
    case Unit::kNumber:
      break;
  }
  return std::abs(value) >= 1e5 ? with_prefix(value, "") : fmt::format("{:.4g}", value);
}

Axis::Axis(double low, double high, Scale scale, Unit unit) : low_(low), high_(high), scale_(scale), unit_(unit) {
  if (scale == Scale::kLog) {
    if (high_ <= low_) high_ = 10 * low_;
    return;
  }
  if (high_ <= low_) {
    const double margin = low_ == 0 ? 1 : 0.1 * std::abs(low_);
    low_ -= margin;
    high_ += margin;
  }
}

double Axis::place(double value) const {
  if (scale_ == Scale::kLog) return std::log(value / low_) / std::log(high_ / low_);
  return (value - low_) / (high_ - low_);
}

std::vector<Tick> Axis::ticks(int about) const {
  std::vector<Tick> ticks;
  const double slack = 1e-9 * (high_ - low_);
  const auto add = [&](double value) {
    if (value < low_ - slack || value > high_ + slack) return;
    ticks.push_back({value, unit_ == Unit::kSeconds ? time_text(value, time_unit(high_)) : value_text(value, unit_)});
  };
  const bool decades = scale_ == Scale::kLog && high_ / low_ >= 30;
  if (decades) {
    const int first = static_cast<int>(std::floor(std::log10(low_)));
    const int last = static_cast<int>(std::ceil(std::log10(high_)));
    const int each = std::max(1, (last - first) / about);
    for (int exponent = first; exponent <= last; exponent += each) add(std::pow(10, exponent));
    return ticks;
  }
  const double unit = unit_ == Unit::kSeconds ? time_unit(high_).seconds : 1;
  const double step = unit * round_step((high_ - low_) / unit / about);
  const auto first = static_cast<std::int64_t>(std::ceil((low_ - slack) / step));
  for (std::int64_t i = first; static_cast<double>(i) * step <= high_ + slack; ++i) add(static_cast<double>(i) * step);
  return ticks;
}

}  // namespace drift
