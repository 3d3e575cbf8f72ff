#include "train/config/option_kinds.h"

#include <charconv>
#include <cmath>

namespace drift::options {

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end && std::isfinite(value) ? std::optional(value) : std::nullopt;
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

namespace {

constexpr std::pair<char, std::int64_t> kUnits[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  constexpr std::int64_t kMost = std::int64_t{10} * 366 * 86400;
  std::int64_t seconds = 0;
  for (const auto& [unit, size] : kUnits) {
    const std::size_t end = text.find(unit);
    if (end == std::string_view::npos) continue;
    const std::optional<std::int64_t> count = parse_integer(text.substr(0, end));
    if (!count || *count < 0 || *count > kMost) return std::nullopt;
    seconds += *count * size;
    text.remove_prefix(end + 1);
  }
  const bool is_one = text.empty() && seconds >= 1 && seconds <= kMost;
  return is_one ? std::optional(seconds) : std::nullopt;
}

std::string text_of_duration(std::int64_t seconds) {
  std::string text;
  for (const auto& [unit, size] : kUnits) {
    if (seconds >= size) text += fmt::format("{}{}", seconds / size, unit);
    seconds %= size;
  }
  return text;
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

Option allowing(std::string allowed, Option option) {
  option.allowed = std::move(allowed);
  return option;
}

Option on_resume(OnResume rule, Option option) {
  option.on_resume = rule;
  return option;
}

Option free_on_resume(Option option) {
  return on_resume(OnResume::kFree, std::move(option));
}

Option also_in(std::initializer_list<Scope> scopes, Option option) {
  for (const Scope scope : scopes) option.scopes |= static_cast<unsigned>(scope);
  return option;
}

std::vector<Option> section(std::string_view name, std::vector<Option> rows) {
  for (Option& option : rows) option.section = std::string(name);
  return rows;
}

}  // namespace drift::options
