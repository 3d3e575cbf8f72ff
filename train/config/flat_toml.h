// The part of TOML that recipes and stored configs are written in: one `key = value` after the other, a value being a
// string, a number, true, false or a list of those. Looked at before the library parses: it recurses as deep as tables
// and keys nest, and some versions end the program over a key that does not begin like one.
#pragma once

#include <string_view>

namespace drift {

// Throws kConfig, naming `name` and the line, for what is no text, for tables, keys with dots or in quotes, and lists
// in lists. What is wrong inside a value is left to the library.
void check_is_flat_toml(std::string_view text, std::string_view name);

}  // namespace drift
