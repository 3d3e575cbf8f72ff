#include "tests/emulator/cudart/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "tests/emulator/cudart/device_table.h"
#include "tests/emulator/cudart/report.h"

namespace drift::emulator {
namespace {

std::string text_of(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

template <typename Number>
Number number(std::string_view text, const char* name) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    refuse_setting(name, "a number is wanted, not '" + std::string(text) + "'");
  }
  return value;
}

template <typename Number>
void read(const char* name, Number& value) {
  const std::string text = text_of(name);
  if (!text.empty()) value = number<Number>(text, name);
}

void read(const char* name, bool& value) {
  const std::string text = text_of(name);
  if (text.empty()) return;
  if (text != "0" && text != "1") refuse_setting(name, "0 or 1 is wanted, not '" + text + "'");
  value = text == "1";
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::vector<Injection> injections(const char* name) {
  std::vector<Injection> found;
  for (const std::string& one : split(text_of(name), ',')) {
    const std::vector<std::string> parts = split(one, ':');
    if (parts.size() < 2 || parts.size() > 3) refuse_setting(name, "'" + one + "' is not api:n or api:n:code");
    Injection injection{parts[0], number<std::uint64_t>(parts[1], name), 0};
    if (parts.size() == 3) injection.code = number<int>(parts[2], name);
    found.push_back(injection);
  }
  return found;
}

OnError on_error(const char* name) {
  const std::string text = text_of(name);
  if (text.empty() || text == "exit") return OnError::kExit;
  if (text == "sticky") return OnError::kSticky;
  if (text != "abort") refuse_setting(name, "exit, sticky or abort is wanted, not '" + text + "'");
  return OnError::kAbort;
}

Settings read_environment() {
  Settings result;
  read("EMU_SEED", result.seed);
  read("EMU_RACE", result.race);
  read("EMU_EAGER", result.eager);
  read("EMU_TRACE", result.trace);
  read("EMU_STATISTICS", result.statistics);
  read("EMU_LEAKS", result.leaks);
  read("EMU_DEVICES", result.devices);
  if (result.devices < 0 || result.devices > 64) refuse_setting("EMU_DEVICES", "0 to 64 devices can be emulated");
  read("EMU_SM", result.sm);
  if (device_table(result.sm).sm != result.sm) refuse_setting("EMU_SM", "75, 80, 90 or 100 is wanted");
  read("EMU_DRIVER", result.driver);
  read("EMU_MEMORY", result.memory);
  read("EMU_MAX_INSTRUCTIONS", result.max_instructions);
  read("EMU_TIMEOUT", result.timeout_seconds);
  read("EMU_HANG", result.hang);
  read("EMU_SKIP_WAIT", result.skip_wait);
  read("EMU_SKIP_SYNC", result.skip_sync);
  result.on_error = on_error("EMU_ON_ERROR");
  result.count_waits_file = text_of("EMU_COUNT_WAITS");
  result.count_calls_file = text_of("EMU_COUNT_CALLS");
  result.contexts_file = text_of("EMU_CONTEXTS");
  result.injections = injections("EMU_FAIL");
  return result;
}

}  // namespace

const Settings& settings() {
  static const Settings& value = *new Settings(read_environment());  // outlives the program's static objects
  return value;
}

}  // namespace drift::emulator
