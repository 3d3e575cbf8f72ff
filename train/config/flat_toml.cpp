#include "train/config/flat_toml.h"

#include <algorithm>
#include <cstddef>

#include "core/check.h"
#include "core/text.h"

namespace drift {
namespace {

constexpr std::string_view kNoTables = "a recipe has no tables: write its keys at top level, like `lr = 0.1`";

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_control_character(char c) {
  const auto code = static_cast<unsigned char>(c);
  return (code < 0x20 && c != '\t' && c != '\n' && c != '\r') || code == 0x7F;
}

class Scanner {
 public:
  Scanner(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  void run() {
    for (skip_space_and_lines(); !at_end(); skip_space_and_lines()) {
      scan_key();
      scan_value();
    }
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char now() const { return at_end() ? '\n' : text_[at_]; }
  bool has(std::string_view part) const { return text_.substr(at_).starts_with(part); }

  [[noreturn]] void refuse(std::string_view why) const {
    const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    DRIFT_FAIL(kConfig, "{}:{}: {}", name_, line, why);
  }

  void skip_space() {
    while (!at_end() && (now() == ' ' || now() == '\t' || now() == '\r')) ++at_;
  }
  void skip_comment() { at_ = std::min(text_.find('\n', at_), text_.size()); }
  void skip_space_and_lines() {
    for (skip_space(); !at_end() && (now() == '\n' || now() == '#'); skip_space()) {
      now() == '#' ? skip_comment() : static_cast<void>(++at_);
    }
  }

  void scan_key() {
    const std::size_t begin = at_;
    while (!at_end() && is_key_character(now())) ++at_;
    const std::string_view key = text_.substr(begin, at_ - begin);
    skip_space();
    if (now() == '.' || (key.empty() && now() == '[')) refuse(fmt::format("{}: {}", key_or_table(key), kNoTables));
    if (key.empty() || now() != '=') refuse("not valid TOML: expected a key and its value, like `lr = 0.1`");
    ++at_;
  }
  // "lr" of `lr.peak = 1` and of `[lr]`.
  std::string_view key_or_table(std::string_view key) const {
    if (!key.empty()) return key;
    const std::size_t begin = std::min(text_.find_first_not_of("[ \t", at_), text_.size());
    std::size_t end = begin;
    while (end < text_.size() && is_key_character(text_[end])) ++end;
    return text_.substr(begin, end - begin);
  }

  void scan_value() {
    int open = 0;
    for (; !at_end() && (open > 0 || now() != '\n'); ++at_) {
      switch (now()) {
        case '"':
        case '\'':
          scan_string();
          break;
        case '#':
          skip_comment();
          --at_;  // the line's end is looked at next
          break;
        case '{':
          refuse(kNoTables);
        case '[':
          if (++open > 1) refuse("a list nests in a list: options take lists of numbers");
          break;
        case ']':
          --open;
          break;
        default:
          break;
      }
    }
  }
  // Ends on the closing quote, or before the end of what lacks one.
  void scan_string() {
    const char quote = now();
    const std::string_view three = quote == '"' ? "\"\"\"" : "'''";
    const std::size_t quotes = has(three) ? 3 : 1;
    const std::string_view end = three.substr(0, quotes);
    for (at_ += quotes; !at_end() && !has(end) && (quotes == 3 || now() != '\n'); ++at_) {
      if (quote == '"' && now() == '\\' && at_ + 1 < text_.size()) ++at_;
    }
    at_ = has(end) ? at_ + quotes - 1 : at_ - 1;
  }

  std::string_view text_, name_;
  std::size_t at_ = 0;
};

}  // namespace

void check_is_flat_toml(std::string_view text, std::string_view name) {
  DRIFT_CHECK(kConfig, is_utf8(text) && std::ranges::none_of(text, is_control_character),
              "{}: not a text: it is not UTF-8, or has control characters", name);
  Scanner(text, name).run();
}

}  // namespace drift
