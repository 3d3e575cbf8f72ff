#include "analysis/markup.h"

#include "core/text.h"

namespace drift {

std::string escaped(std::string_view text) {
  const bool is_text = is_utf8(text);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if ((byte < ' ' && c != '\n' && c != '\t') || (!is_text && byte > '~')) {
      out += '?';
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace drift
