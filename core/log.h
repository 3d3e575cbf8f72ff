// Messages about what the program is doing, to stderr; results go to stdout (apps/output.h). Plain text, no colours, so
// there is nothing to switch off. What cannot be written there is lost: that is no reason to end.
#pragma once

#include <fmt/format.h>
#include <string>
#include <string_view>

namespace drift {

enum class LogLevel { kInfo, kWarning };

// Messages below this level are dropped; kInfo at start. `-q` asks for kWarning.
void set_log_level(LogLevel level);
// In front of every message: which of several processes says it.
void set_log_prefix(std::string prefix);
void log_message(LogLevel level, std::string_view message);
// "drift: MESSAGE": why a program ends.
void report_error(std::string_view message, std::string_view program = "drift") noexcept;

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  log_message(LogLevel::kWarning, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace drift
