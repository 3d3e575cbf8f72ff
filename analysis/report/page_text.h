// What a report's page always has: its style, and the script that tells the values under the pointer. Without the
// script everything can be read all the same.
#pragma once

#include <string_view>

namespace drift {

extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

}  // namespace drift
