#include "apps/launched_output.h"

#include <algorithm>
#include <cctype>

namespace drift {
namespace {

constexpr std::string_view kError = "drift: ";

// The process in "[1,2]<stderr>:", and the text behind; no process for any other line.
struct Tagged {
  std::string_view process, text;
};

Tagged untagged(std::string_view line) {
  const Tagged none{"", line};
  const std::size_t comma = line.find(','), bracket = line.find("]<std"), colon = line.find(">:");
  if (!line.starts_with('[') || comma == std::string_view::npos || bracket == std::string_view::npos ||
      colon == std::string_view::npos || comma > bracket || bracket > colon) {
    return none;
  }
  const std::string_view process = line.substr(comma + 1, bracket - comma - 1);
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (process.empty() || !std::ranges::all_of(process, is_digit)) return none;
  return {process, line.substr(colon + 2)};
}

}  // namespace

std::string LaunchedOutput::line(std::string_view text) {
  const Tagged tagged = untagged(text);
  if (tagged.process.empty()) return std::string(text);
  const std::string line = std::string(tagged.process) + ": " + std::string(tagged.text);
  if (first_error_.empty() && tagged.text.starts_with(kError)) first_error_ = line;
  return line;
}

}  // namespace drift
