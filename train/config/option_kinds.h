// Makes the rows of the option table, one function per kind of value. Each builds the functions between text and value
// from an accessor, a generic lambda [](auto& config) -> auto& { return config.lr.lr; } that names the field
// (DRIFT_FIELD). Numbers are written with the fewest digits that read back to the same bits.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <initializer_list>
#include <type_traits>
#include <utility>

#include "core/check.h"
#include "core/text.h"
#include "train/config/bounds.h"
#include "train/config/config.h"
#include "train/config/option.h"

namespace drift::options {

// The whole text must be one finite number; integers: core/text.h.
std::optional<double> parse_number(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
// "1d", "3h50m", "90m", "1h30m10s": whole numbers of units, larger ones first; 1 s to ten years. In seconds.
std::optional<std::int64_t> parse_duration(std::string_view text);
std::string text_of_duration(std::int64_t seconds);

// Value of a field or of what an optional field holds.
template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using type = T;
};

template <class T>
std::optional<T> parse_value(std::string_view text, const Range& range) {
  if constexpr (std::is_floating_point_v<T>) {
    const std::optional<double> value = parse_number(text);
    return value && range.contains(*value) ? value : std::nullopt;
  } else {
    const std::optional<std::int64_t> value = parse_integer(text);
    if (!value || !range.contains(static_cast<double>(*value)) || !std::in_range<T>(*value)) return std::nullopt;
    return static_cast<T>(*value);
  }
}

template <class Access>
using FieldOf = std::remove_reference_t<std::invoke_result_t<Access, TrainConfig&>>;

template <class Access>
auto copy_field(Access access) {
  return [access](TrainConfig& to, const TrainConfig& from) { access(to) = access(from); };
}

// An integer or floating-point field, optional or not.
template <class Access>
Option number(Option row, Range range, Access access) {
  using T = typename Unwrapped<FieldOf<Access>>::type;
  constexpr bool kOptional = !std::is_same_v<T, FieldOf<Access>>;
  row.kind = std::is_floating_point_v<T> ? ValueKind::kNumber : ValueKind::kInteger;
  row.allowed = range.text(std::is_floating_point_v<T> ? "a number" : "an integer");
  row.get = [access](const TrainConfig& config) -> std::optional<std::string> {
    if constexpr (kOptional) {
      return access(config) ? std::optional(fmt::format("{}", *access(config))) : std::nullopt;
    } else {
      return fmt::format("{}", access(config));
    }
  };
  row.set = [access, range](TrainConfig& config, std::string_view text) {
    const std::optional<T> value = parse_value<T>(text, range);
    if (value) access(config) = *value;
    return value.has_value();
  };
  row.copy = copy_field(access);
  return row;
}

// min_size to max_size numbers, separated by commas; none are not given.
template <class Access>
Option number_list(Option row, Range range, std::size_t min_size, std::size_t max_size, Access access) {
  using T = typename FieldOf<Access>::value_type;
  row.kind = ValueKind::kList;
  row.get = [access](const TrainConfig& config) {
    return access(config).empty() ? std::nullopt : std::optional(fmt::format("{}", fmt::join(access(config), ",")));
  };
  row.set = [access, range, min_size, max_size](TrainConfig& config, std::string_view text) {
    std::vector<T> values;
    for (const std::string_view item : split(text, ',')) {
      const std::optional<T> value = parse_value<T>(item, range);
      if (!value) return false;
      values.push_back(*value);
    }
    if (values.size() < min_size || values.size() > max_size) return false;
    access(config) = std::move(values);
    return true;
  };
  row.copy = copy_field(access);
  return row;
}

template <class Access>
Option on_off(Option row, Access access) {
  row.kind = ValueKind::kSwitch;
  row.allowed = "true or false";
  row.choices = {"true", "false"};
  row.get = [access](const TrainConfig& config) { return std::string(access(config) ? "true" : "false"); };
  row.set = [access](TrainConfig& config, std::string_view text) {
    if (text != "true" && text != "false") return false;
    access(config) = text == "true";
    return true;
  };
  row.copy = copy_field(access);
  return row;
}

// A time, by an optional field of seconds.
template <class Access>
Option duration(Option row, Access access) {
  row.allowed = "a time such as 3h50m, 90m or 45s";
  row.get = [access](const TrainConfig& config) {
    return access(config) ? std::optional(text_of_duration(*access(config))) : std::nullopt;
  };
  row.set = [access](TrainConfig& config, std::string_view text) {
    const std::optional<std::int64_t> seconds = parse_duration(text);
    if (seconds) access(config) = *seconds;
    return seconds.has_value();
  };
  row.copy = copy_field(access);
  return row;
}

// Free text, but for none at all: "" in the struct means that it is not set, and nobody sets that: `--resume "$RUN"`
// with no RUN must not start anew. `valid` may be null.
template <class Access>
Option text(Option row, Access access, bool (*valid)(std::string_view) = nullptr) {
  row.allowed = "a text that is not empty";
  row.get = [access](const TrainConfig& config) {
    return access(config).empty() ? std::nullopt : std::optional(std::string(access(config)));
  };
  row.set = [access, valid](TrainConfig& config, std::string_view value) {
    if (value.empty() || (valid != nullptr && !valid(value))) return false;
    access(config) = std::string(value);
    return true;
  };
  row.copy = copy_field(access);
  return row;
}

// One of a few names. The placeholder and the text of what is allowed are made from them.
template <class Access>
Option choice(Option row, std::vector<std::pair<const char*, FieldOf<Access>>> names, Access access) {
  for (const auto& [name, value] : names) row.choices.emplace_back(name);
  row.placeholder = fmt::format("{}", fmt::join(row.choices, "|"));
  row.allowed = fmt::format("one of {}", fmt::join(row.choices, ", "));
  row.get = [access, names](const TrainConfig& config) -> std::optional<std::string> {
    for (const auto& [name, value] : names) {
      if (value == access(config)) return name;
    }
    DRIFT_FAIL(kInternal, "a config holds a value that has no name");
  };
  row.set = [access, names](TrainConfig& config, std::string_view text) {
    for (const auto& [name, value] : names) {
      if (text == name) {
        access(config) = value;
        return true;
      }
    }
    return false;
  };
  row.copy = copy_field(access);
  return row;
}

Option row(std::string name, std::string placeholder, std::string help);
Option with_alias(std::string alias, Option option);
Option excluding(std::string other, Option option);
// For an option whose kind does not say what is allowed.
Option allowing(std::string allowed, Option option);
// For all but what decides the bits of the run.
Option on_resume(OnResume rule, Option option);
// For what leaves them alone: how often it evaluates, how many threads prepare data.
Option free_on_resume(Option option);
// Other commands than `drift train` that have it too.
Option also_in(std::initializer_list<Scope> scopes, Option option);
// The rows of one section of the help text.
std::vector<Option> section(std::string_view name, std::vector<Option> rows);

}  // namespace drift::options

// The accessor of a field: DRIFT_FIELD(sync.workers).
#define DRIFT_FIELD(path)     \
  [](auto& config) -> auto& { \
    return config.path;       \
  }
