#include "train/config/option_builders.h"

#include <charconv>
#include <cmath>

namespace drift::options {
namespace {

template <class T>
std::optional<T> parse_whole(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || text.empty()) return std::nullopt;
  return value;
}

}  // namespace

bool Range::contains(double value) const {
  return (min_open ? value > min : value >= min) && (max_open ? value < max : value <= max);
}

std::string Range::text(std::string_view noun) const {
  if (std::isinf(min)) return std::string(noun);
  if (!std::isinf(max)) {
    if (!min_open && !max_open) return fmt::format("{} from {} to {}", noun, min, max);
    return fmt::format("{} {} {} and {} {}", noun, min_open ? "above" : "of at least", min,
                       max_open ? "below" : "at most", max);
  }
  return fmt::format("{} {} {}", noun, min_open ? "above" : "of at least", min);
}

std::optional<double> parse_number(std::string_view text) {
  const std::optional<double> value = parse_whole<double>(text);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  return parse_whole<std::int64_t>(text);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
    if (text.empty()) parts.push_back(text);  // "1," has an empty second part
  }
  return parts;
}

Option row(std::string name, std::string placeholder, std::string help) {
  Option option;
  option.name = std::move(name);
  option.placeholder = std::move(placeholder);
  option.help = std::move(help);
  return option;
}

Option with_alias(std::string alias, Option option) {
  option.alias = std::move(alias);
  return option;
}

Option excluding(std::string other, Option option) {
  option.excludes = std::move(other);
  return option;
}

Option free_on_resume(Option option) {
  option.fixed_on_resume = false;
  return option;
}

void add_section(std::vector<Option>& table, std::string_view section, std::vector<Option> rows) {
  for (Option& option : rows) {
    option.section = std::string(section);
    table.push_back(std::move(option));
  }
}

}  // namespace drift::options
