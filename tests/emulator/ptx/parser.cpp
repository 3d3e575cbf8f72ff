#include "tests/emulator/ptx/parser.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "tests/emulator/ptx/text.h"

namespace drift::emulator::ptx {
namespace {

class Parser {
 public:
  Parser(Source& source, Memory& memory) : source_(source), text_(source.text), memory_(memory) {}

  void run() {
    for (skip_space(); at_ < text_.size(); skip_space()) {
      if (starts_with(".version") || starts_with(".target") || starts_with(".address_size") || starts_with(".file") ||
          starts_with(".loc") || starts_with(".pragma")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (starts_with(".section")) {
        at_ = source_.closing(find('{')) + 1;
      } else {
        definition();
      }
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error("PTX line " + std::to_string(source_.line_at(std::min(at_, text_.size() - 1))) + ": " + what);
  }
  bool space_at(std::size_t at) const { return std::isspace(static_cast<unsigned char>(text_[at])) != 0; }
  void skip_space() {
    while (at_ < text_.size() && space_at(at_)) ++at_;
  }
  bool starts_with(std::string_view word) const { return text_.compare(at_, word.size(), word) == 0; }
  std::size_t find(char c) const {
    const std::size_t found = text_.find(c, at_);
    if (found == std::string::npos) fail(std::string("'") + c + "' is missing");
    return found;
  }

  void definition() {
    const std::size_t end = text_.find_first_of(";{=(", at_);
    if (text_[at_] != '.' || end == std::string::npos) {
      fail("cannot read '" + trim(text_.substr(at_, std::min<std::size_t>(text_.find('\n', at_) - at_, 80))) + "'");
    }
    for (const std::string& word : words(std::string_view(text_).substr(at_, end - at_))) {
      if (word == ".entry" || word == ".func") return function(word);
    }
    variable();
  }

  void function(const std::string& directive) {
    Function function;
    function.entry = directive == ".entry";
    at_ = text_.find(directive, at_) + directive.size();
    skip_space();
    if (text_[at_] == '(') function.returns = parameter_list();
    skip_space();
    const std::size_t begin = at_;
    while (at_ < text_.size() && !space_at(at_) && std::strchr("(;{", text_[at_]) == nullptr) ++at_;
    function.name = text_.substr(begin, at_ - begin);
    skip_space();
    if (text_[at_] == '(') function.parameters = parameter_list();
    const std::size_t head = at_;
    at_ = text_.find_first_of(";{", at_);
    if (at_ == std::string::npos) fail("the body of " + function.name + " is missing");
    function.max_threads = max_threads(text_.substr(head, at_ - head));
    if (text_[at_] == ';') {  // a declaration
      ++at_;
      return;
    }
    function.begin = at_ + 1;
    function.end = source_.closing(at_);
    at_ = function.end + 1;
    source_.functions[function.name] = std::move(function);
  }

  static u32 max_threads(const std::string& directives) {
    const std::size_t found = directives.find(".maxntid");
    if (found == std::string::npos) return 1024;
    const char* at = directives.c_str() + found + std::strlen(".maxntid");
    u32 product = 1;
    for (;;) {
      char* end = nullptr;
      product *= static_cast<u32>(std::strtoul(at, &end, 0));
      while (*end == ' ') ++end;
      if (*end != ',') return product;
      at = end + 1;
    }
  }

  std::vector<Parameter> parameter_list() {
    const std::size_t close = source_.closing(at_);
    std::vector<Parameter> result;
    std::size_t offset = 0;
    for (const std::string& piece : split(std::string_view(text_).substr(at_ + 1, close - at_ - 1), ',')) {
      const Declaration declaration = parse_declaration(piece);
      offset = (offset + declaration.alignment - 1) / declaration.alignment * declaration.alignment;
      result.push_back({declaration.name, declaration.bytes, declaration.alignment, offset});
      offset += declaration.bytes;
    }
    at_ = close + 1;
    return result;
  }

  void variable() {
    const std::size_t end = text_.find_first_of(";=", at_);
    if (end == std::string::npos) fail("';' is missing");
    const Declaration declaration = parse_declaration(text_.substr(at_, end - at_));
    std::string initial;
    at_ = end;
    if (text_[end] == '=') {
      ++at_;
      skip_space();
      const std::size_t stop = text_[at_] == '{' ? source_.closing(at_) + 1 : find(';');
      initial = text_.substr(at_, stop - at_);
      at_ = stop;
      at_ = find(';');
    }
    ++at_;
    if (declaration.space == "shared") {
      source_.shared[declaration.name] = {declaration.bytes, declaration.alignment, declaration.external};
    } else if (declaration.space == "global" || declaration.space == "const") {
      global(declaration, initial);
    } else {
      fail("no variable can be in ." + declaration.space);
    }
  }

  void global(const Declaration& declaration, std::string initial) {
    Variable variable;
    variable.bytes = std::max<u64>(declaration.bytes, 1);
    variable.address = memory_.allocate_variable(variable.bytes, declaration.alignment);
    char* host = memory_.find(variable.address, variable.bytes).host;
    if (host == nullptr) fail("there is no memory for " + declaration.name);
    std::memset(host, 0, variable.bytes);
    source_.variables[declaration.name] = variable;
    std::replace_if(
        initial.begin(), initial.end(), [](char c) { return c == '{' || c == '}'; }, ' ');
    std::size_t offset = 0;
    for (const std::string& item : split(initial, ',')) {
      if (offset + declaration.element_bytes > variable.bytes) fail("too many values for " + declaration.name);
      const u64 value = initial_value(item, declaration.element_bytes);
      std::memcpy(host + offset, &value, declaration.element_bytes);
      offset += declaration.element_bytes;
    }
  }

  // A literal, or the address of a global variable: name, generic(name), name+offset.
  u64 initial_value(const std::string& item, u32 bytes) const {
    if (is_literal(item)) return parse_literal(item, bytes);
    const std::size_t plus = item.find('+');
    std::string name = trim(item.substr(0, plus));
    if (name.starts_with("generic(")) name = trim(name.substr(8, name.size() - 9));
    const auto found = source_.variables.find(name);
    if (found == source_.variables.end()) fail("unknown initial value '" + item + "'");
    return found->second.address + (plus == std::string::npos ? 0 : parse_literal(trim(item.substr(plus + 1)), 8));
  }

  Source& source_;
  const std::string& text_;
  Memory& memory_;
  std::size_t at_ = 0;
};

}  // namespace

int Source::line_at(std::size_t position) const {
  return static_cast<int>(std::upper_bound(line_starts.begin(), line_starts.end(), position) - line_starts.begin());
}

std::size_t Source::closing(std::size_t open) const {
  const char opening = text[open];
  const char close = opening == '{' ? '}' : ')';
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '"') at = std::min(text.find('"', at + 1), text.size() - 1);
    if (text[at] == opening) ++depth;
    if (text[at] == close && --depth == 0) return at;
  }
  throw Error("PTX line " + std::to_string(line_at(open)) + ": this bracket is never closed");
}

Source parse(const std::string& text, Memory& memory) {
  Source source;
  source.text = strip_comments(text);
  source.line_starts.push_back(0);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') source.line_starts.push_back(i + 1);
  }
  Parser(source, memory).run();
  return source;
}

}  // namespace drift::emulator::ptx
