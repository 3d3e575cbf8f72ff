#include "core/log.h"

#include <cstdio>
#include <memory>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <utility>

namespace drift {
namespace {

spdlog::logger& logger() {
  static spdlog::logger instance = [] {
    spdlog::logger made("drift", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_pattern("%v");
    return made;
  }();
  return instance;
}

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
  }
  return spdlog::level::info;
}

std::string& log_prefix() {
  static std::string prefix;
  return prefix;
}

}  // namespace

void set_log_level(LogLevel level) {
  logger().set_level(level_of(level));
}

void set_log_prefix(std::string prefix) {
  log_prefix() = std::move(prefix);
}

void log_message(LogLevel level, std::string_view message) {
  logger().log(level_of(level), "{}{}{}", log_prefix(), level == LogLevel::kWarning ? "warning: " : "", message);
}

void report_error(std::string_view message, std::string_view program) noexcept {
  std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(program.size()), program.data(),
               static_cast<int>(message.size()), message.data());
}

}  // namespace drift
