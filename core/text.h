// Small text helpers that error messages need.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drift {

// " Did you mean 'resnet56'?" if a candidate is close to `word` (edit distance at most a third of its length, at least
// 2), else "".
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

// The whole text must be one.
std::optional<std::int64_t> parse_integer(std::string_view text);

bool is_utf8(std::string_view text);

// As a POSIX shell reads it back: as it is where that does, else in single quotes.
std::string shell_quoted(std::string_view word);

// "a, b, c and 4 more": the first `most` of them.
std::string a_few(std::span<const std::string> words, std::size_t most);

// "a, b, c"
std::string joined(std::span<const std::string> words, std::string_view separator = ", ");

}  // namespace drift
