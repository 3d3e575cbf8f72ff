#include "apps/launched_output.h"

#include <algorithm>
#include <cctype>

namespace drift {
namespace {

constexpr std::string_view kError = "drift: ";

// The process in "[1,2]<stderr>:", and the text behind; no process for any other line.
struct Tagged {
  std::string process, text;
};

// mpirun puts the tag before whatever it reads at once, which may begin within a line.
std::string without(std::string_view tag, std::string_view text) {
  std::string result(text);
  for (std::size_t at = 0; (at = result.find(tag, at)) != std::string::npos;) result.erase(at, tag.size());
  return result;
}

Tagged untagged(std::string_view line) {
  const Tagged none{"", std::string(line)};
  const std::size_t comma = line.find(','), bracket = line.find("]<std"), colon = line.find(">:");
  if (!line.starts_with('[') || comma == std::string_view::npos || bracket == std::string_view::npos ||
      colon == std::string_view::npos || comma > bracket || bracket > colon) {
    return none;
  }
  const std::string_view process = line.substr(comma + 1, bracket - comma - 1);
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (process.empty() || !std::ranges::all_of(process, is_digit)) return none;
  return {std::string(process), without(line.substr(0, colon + 2), line.substr(colon + 2))};
}

}  // namespace

std::string LaunchedOutput::line(std::string_view text) {
  const Tagged tagged = untagged(text);
  if (tagged.process.empty()) return std::string(text);
  const std::string line = tagged.process + ": " + tagged.text;
  if (first_error_.empty() && tagged.text.starts_with(kError)) first_error_ = line;
  return line;
}

}  // namespace drift
