// Results, on stdout. What cannot be written there is an error everywhere; what is said on stderr (core/log.h) is lost
// where it cannot be.
#pragma once

#include <fmt/format.h>
#include <string_view>
#include <utility>

namespace drift {

// Throws kOutput when it cannot be written, here or when the results are finished.
void print_text(std::string_view text);
template <class... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  print_text(fmt::format(format, std::forward<Args>(args)...));
}
// Nothing is printed behind it. Throws kOutput unless all of it has been written.
void finish_results();

}  // namespace drift
