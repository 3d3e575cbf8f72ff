#include "core/pickle.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "core/pickle_opcodes.h"
#include "core/pickle_stack.h"
#include "core/text.h"

namespace drift {
namespace {

using namespace pickle_literals;

constexpr unsigned kMaxProtocol = 5;

// Of bytes in two's complement; nothing where 64 bits do not hold it.
std::optional<std::int64_t> integer_of(std::string_view little_endian) {
  if (little_endian.size() > 8) return std::nullopt;
  if (little_endian.empty()) return 0;
  std::uint64_t bits = (static_cast<unsigned char>(little_endian.back()) & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  std::memcpy(&bits, little_endian.data(), little_endian.size());
  return static_cast<std::int64_t>(bits);
}

// What follows a backslash in the text form of a Python 2 string, with how many characters that takes.
std::optional<std::pair<char, std::size_t>> escaped(std::string_view rest) {
  constexpr std::string_view kLetters = "\\'\"nrtabfv0", kMeant("\\'\"\n\r\t\a\b\f\v\0", 11);
  if (rest.empty()) return std::nullopt;
  if (rest.front() == 'x') {
    unsigned code = 0;
    const char* const end = rest.data() + std::min<std::size_t>(rest.size(), 3);
    const auto [parsed, error] = std::from_chars(rest.data() + 1, end, code, 16);
    if (error != std::errc{} || parsed != rest.data() + 3) return std::nullopt;
    return std::pair(static_cast<char>(code), std::size_t{3});
  }
  const std::size_t letter = kLetters.find(rest.front());
  if (letter == std::string_view::npos) return std::nullopt;
  return std::pair(kMeant[letter], std::size_t{1});
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      continue;
    }
    const auto found = escaped(text.substr(i + 1));
    if (!found) return std::nullopt;
    result += found->first;
    i += found->second;
  }
  return result;
}

// Drives a stack by the opcodes, one after the other.
class Unpickler {
 public:
  Unpickler(std::string_view bytes, PickleStack& stack, std::deque<std::string>& unescaped)
      : bytes_(bytes), stack_(stack), unescaped_(unescaped) {}

  void run();

 private:
  // The families of opcodes; false: it is none of these.
  bool number(unsigned char code);
  bool string(unsigned char code);
  bool container(unsigned char code);
  bool memo(unsigned char code);
  bool object(unsigned char code);
  bool structure(unsigned char code);

  // The input, from at_ on.
  std::string_view take(std::uint64_t count);
  std::string_view line();  // without its end
  template <class T>
  T little_endian();
  template <class Length>
  std::string_view counted();  // as many bytes as the number in front of them says

  void push_number(PickleKind kind, std::int64_t integer, double real = 0);
  void push_string(PickleKind kind, std::string_view string);
  void push_decimal(std::string_view digits);
  void push_bool_or_decimal(std::string_view digits);
  void push_decimal_float(std::string_view digits);
  void push_long(std::string_view little_endian);
  void push_quoted(std::string_view quoted);
  std::int64_t memo_key(std::string_view digits) const;

  std::string_view bytes_;
  PickleStack& stack_;
  std::deque<std::string>& unescaped_;
  std::size_t at_ = 0;
};

void Unpickler::run() {
  while (true) {
    stack_.at(at_);
    if (at_ == bytes_.size()) stack_.fail("the bytes end before the value");
    const auto code = static_cast<unsigned char>(take(1).front());
    if (code == "STOP"_op) break;
    if (number(code) || string(code) || container(code) || memo(code) || object(code) || structure(code)) continue;
    const std::string_view name = name_of_opcode(code);
    if (name.empty()) stack_.fail("{:#04x} is no opcode: damaged, or no pickle", code);
    stack_.fail("opcode {} makes what is not read here.{}", name, stack_.advice());
  }
  if (at_ != bytes_.size()) stack_.fail("{} bytes follow the end of the value", bytes_.size() - at_);
}

bool Unpickler::number(unsigned char code) {
  switch (code) {
    case "NONE"_op:
      stack_.push({.kind = PickleKind::kNone});
      return true;
    case "NEWTRUE"_op:
    case "NEWFALSE"_op:
      push_number(PickleKind::kBool, code == "NEWTRUE"_op);
      return true;
    case "BININT"_op:
      push_number(PickleKind::kInteger, little_endian<std::int32_t>());
      return true;
    case "BININT1"_op:
      push_number(PickleKind::kInteger, little_endian<std::uint8_t>());
      return true;
    case "BININT2"_op:
      push_number(PickleKind::kInteger, little_endian<std::uint16_t>());
      return true;
    case "LONG1"_op:
      push_long(counted<std::uint8_t>());
      return true;
    case "LONG4"_op:
      push_long(counted<std::uint32_t>());
      return true;
    case "BINFLOAT"_op:
      push_number(PickleKind::kFloat, 0,
                  std::bit_cast<double>(__builtin_bswap64(little_endian<std::uint64_t>())));  // big-endian
      return true;
    case "INT"_op:
      push_bool_or_decimal(line());
      return true;
    case "LONG"_op: {
      std::string_view digits = line();
      if (digits.ends_with('L')) digits.remove_suffix(1);
      push_decimal(digits);
      return true;
    }
    case "FLOAT"_op:
      push_decimal_float(line());
      return true;
    default:
      return false;
  }
}

bool Unpickler::string(unsigned char code) {
  switch (code) {
    case "SHORT_BINUNICODE"_op:
      push_string(PickleKind::kText, counted<std::uint8_t>());
      return true;
    case "BINUNICODE"_op:
      push_string(PickleKind::kText, counted<std::uint32_t>());
      return true;
    case "BINUNICODE8"_op:
      push_string(PickleKind::kText, counted<std::uint64_t>());
      return true;
    case "SHORT_BINBYTES"_op:
    case "SHORT_BINSTRING"_op:
      push_string(PickleKind::kBytes, counted<std::uint8_t>());
      return true;
    case "BINBYTES"_op:
    case "BINSTRING"_op:
      push_string(PickleKind::kBytes, counted<std::uint32_t>());
      return true;
    case "BINBYTES8"_op:
      push_string(PickleKind::kBytes, counted<std::uint64_t>());
      return true;
    case "STRING"_op:
      push_quoted(line());
      return true;
    case "UNICODE"_op: {
      const std::string_view text = line();
      if (text.find('\\') != std::string_view::npos)
        stack_.fail("a text with escapes in protocol 0: give it protocol 2");
      push_string(PickleKind::kText, text);
      return true;
    }
    default:
      return false;
  }
}

bool Unpickler::container(unsigned char code) {
  switch (code) {
    case "EMPTY_LIST"_op:
      stack_.push({.kind = PickleKind::kList});
      return true;
    case "EMPTY_DICT"_op:
      stack_.push({.kind = PickleKind::kDict});
      return true;
    case "EMPTY_TUPLE"_op:
      stack_.push_sequence(PickleKind::kTuple, {});
      return true;
    case "TUPLE1"_op:
    case "TUPLE2"_op:
    case "TUPLE3"_op:
      stack_.push_sequence(PickleKind::kTuple, stack_.pop_last(code - "TUPLE1"_op + 1u));
      return true;
    case "TUPLE"_op:
      stack_.push_sequence(PickleKind::kTuple, stack_.pop_to_mark());
      return true;
    case "LIST"_op:
      stack_.push_sequence(PickleKind::kList, stack_.pop_to_mark());
      return true;
    case "DICT"_op:
      stack_.push_dict();
      return true;
    case "APPEND"_op:
      stack_.append(stack_.pop_last(1));
      return true;
    case "APPENDS"_op:
      stack_.append(stack_.pop_to_mark());
      return true;
    case "SETITEM"_op:
      stack_.set_entries(stack_.pop_last(2));
      return true;
    case "SETITEMS"_op:
      stack_.set_entries(stack_.pop_to_mark());
      return true;
    default:
      return false;
  }
}

bool Unpickler::memo(unsigned char code) {
  switch (code) {
    case "BINPUT"_op:
      stack_.memoize(little_endian<std::uint8_t>());
      return true;
    case "LONG_BINPUT"_op:
      stack_.memoize(little_endian<std::uint32_t>());
      return true;
    case "PUT"_op:
      stack_.memoize(memo_key(line()));
      return true;
    case "MEMOIZE"_op:
      stack_.memoize_next();
      return true;
    case "BINGET"_op:
      stack_.push_memoized(little_endian<std::uint8_t>());
      return true;
    case "LONG_BINGET"_op:
      stack_.push_memoized(little_endian<std::uint32_t>());
      return true;
    case "GET"_op:
      stack_.push_memoized(memo_key(line()));
      return true;
    default:
      return false;
  }
}

bool Unpickler::object(unsigned char code) {
  switch (code) {
    case "GLOBAL"_op: {
      const std::string_view module = line();
      stack_.push_global(module, line());
      return true;
    }
    case "STACK_GLOBAL"_op:
      stack_.push_named_global();
      return true;
    case "REDUCE"_op:
      stack_.push_call();
      return true;
    case "BUILD"_op:
      stack_.set_state();
      return true;
    case "BINPERSID"_op:
      stack_.push_persistent();
      return true;
    default:
      return false;
  }
}

bool Unpickler::structure(unsigned char code) {
  switch (code) {
    case "MARK"_op:
      stack_.mark();
      return true;
    case "PROTO"_op: {
      const unsigned protocol = little_endian<std::uint8_t>();
      if (protocol > kMaxProtocol)
        stack_.fail("protocol {}; {} is the last that is known here", protocol, kMaxProtocol);
      return true;
    }
    case "FRAME"_op: {
      const auto length = little_endian<std::uint64_t>();
      if (length > bytes_.size() - at_) stack_.fail("a frame of {} bytes, {} follow", length, bytes_.size() - at_);
      return true;
    }
    default:
      return false;
  }
}

std::string_view Unpickler::take(std::uint64_t count) {
  if (count > bytes_.size() - at_) stack_.fail("{} bytes are announced, {} follow", count, bytes_.size() - at_);
  at_ += count;
  return bytes_.substr(at_ - count, count);
}

std::string_view Unpickler::line() {
  const std::size_t end = bytes_.find('\n', at_);
  if (end == std::string_view::npos) stack_.fail("a line without an end");
  const std::string_view text = take(end - at_);
  ++at_;
  return text;
}

template <class T>
T Unpickler::little_endian() {
  T value;
  std::memcpy(&value, take(sizeof value).data(), sizeof value);
  return value;
}

template <class Length>
std::string_view Unpickler::counted() {
  return take(little_endian<Length>());
}

void Unpickler::push_number(PickleKind kind, std::int64_t integer, double real) {
  stack_.push({.kind = kind, .integer = integer, .real = real});
}

void Unpickler::push_string(PickleKind kind, std::string_view string) {
  if (kind == PickleKind::kText && !is_utf8(string)) stack_.fail("a text that is not UTF-8");
  stack_.push({.kind = kind, .string = string});
}

void Unpickler::push_bool_or_decimal(std::string_view digits) {
  if (digits == "00" || digits == "01") return push_number(PickleKind::kBool, digits == "01");
  push_decimal(digits);
}

void Unpickler::push_decimal(std::string_view digits) {
  const std::optional<std::int64_t> value = parse_integer(digits);
  if (!value) stack_.fail("an integer that is none, or has more than 64 bits");
  push_number(PickleKind::kInteger, *value);
}

void Unpickler::push_decimal_float(std::string_view digits) {
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) stack_.fail("a float that is none");
  push_number(PickleKind::kFloat, 0, value);
}

void Unpickler::push_long(std::string_view little_endian) {
  const std::optional<std::int64_t> value = integer_of(little_endian);
  if (!value) stack_.fail("an integer of {} bytes, more than 8", little_endian.size());
  push_number(PickleKind::kInteger, *value);
}

void Unpickler::push_quoted(std::string_view quoted) {
  const bool sound =
      quoted.size() >= 2 && (quoted.front() == '\'' || quoted.front() == '"') && quoted.back() == quoted.front();
  if (!sound) stack_.fail("a string without its quotes");
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return push_string(PickleKind::kBytes, inside);
  std::optional<std::string> text = unescaped(inside);
  if (!text) stack_.fail("a string with an escape that is none");
  unescaped_.push_back(std::move(*text));
  push_string(PickleKind::kBytes, unescaped_.back());
}

std::int64_t Unpickler::memo_key(std::string_view digits) const {
  const std::optional<std::int64_t> key = parse_integer(digits);
  if (!key || *key < 0) stack_.fail("a memo entry without a number");
  return *key;
}

}  // namespace

Pickle::Pickle(std::string_view bytes, const PickleRules& rules) {
  PickleStack stack(nodes_, rules);
  Unpickler(bytes, stack, unescaped_).run();
  root_ = stack.result();
}

}  // namespace drift
