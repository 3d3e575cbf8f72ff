#include "core/text_table.h"

#include <algorithm>

#include "core/check.h"

namespace drift {
namespace {

constexpr std::string_view kGap = "  ";

// In a terminal's columns: a character of several bytes takes one.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

}  // namespace

std::string text_table(const std::vector<std::vector<std::string>>& rows, std::string_view columns) {
  std::vector<std::size_t> widths(columns.size());
  for (const std::vector<std::string>& row : rows) {
    DRIFT_ASSERT(row.size() == columns.size(), "{} cells in {} columns", row.size(), columns.size());
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - width_of(row[i]), ' ');
      line.append(columns[i] == '<' ? row[i] + space : space + row[i]).append(kGap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace drift
