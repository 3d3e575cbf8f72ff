// A table for a terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace drift {

// A line per row, columns as wide as their widest cell: "<" to the left, ">" to the right, one for each column. All
// rows have as many cells.
std::string text_table(const std::vector<std::vector<std::string>>& rows, std::string_view columns);

}  // namespace drift
