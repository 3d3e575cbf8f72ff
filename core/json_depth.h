// How deep a JSON text nests, looked at before a library does: what it makes of a deep one can be destroyed or written
// by recursion only, and the stack is finite.
#pragma once

#include <algorithm>
#include <string_view>

namespace drift {

// The most arrays and objects that are open at once. Of any text: what is wrong with it otherwise, the library says.
inline int json_depth(std::string_view text) {
  int open = 0, most = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
    } else if (c == '[' || c == '{') {
      most = std::max(most, ++open);
    } else if (c == ']' || c == '}') {
      --open;
    }
  }
  return most;
}

}  // namespace drift
