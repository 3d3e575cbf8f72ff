// Text inside of HTML and SVG.
#pragma once

#include <string>
#include <string_view>

namespace drift {

// With &, <, > and quotes as entities; what is not UTF-8 as question marks.
std::string escaped(std::string_view text);

}  // namespace drift
