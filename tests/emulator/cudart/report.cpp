#include "tests/emulator/cudart/report.h"

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tests/emulator/cudart/settings.h"

namespace drift::emulator {
namespace {

std::vector<std::function<void()>>& end_actions() {
  static auto& actions = *new std::vector<std::function<void()>>();
  return actions;
}

[[noreturn]] void end_process() {
  run_end_actions();
  std::fflush(nullptr);
  std::_Exit(kExitCode);  // no destructors: the program is in a state it does not know of
}

}  // namespace

void report_fault(const std::string& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "[emulator] ERROR: %s\n", text.c_str());
  if (settings().on_error == OnError::kAbort) std::abort();
  if (settings().on_error == OnError::kExit) end_process();
}

void stop(const std::string& text) {
  std::fprintf(stderr, "[emulator] ERROR: %s\n", text.c_str());
  end_process();
}

void refuse_setting(const char* name, const std::string& reason) {
  std::fprintf(stderr, "[emulator] ERROR: %s: %s\n", name, reason.c_str());
  std::_Exit(kExitCode);
}

void trace(const std::string& text) {
  if (settings().trace) std::fprintf(stderr, "[emulator] %s\n", text.c_str());
}

void at_end(std::function<void()> action) {
  end_actions().push_back(std::move(action));
}

void run_end_actions() {
  const auto actions = std::exchange(end_actions(), {});
  for (const auto& action : actions) action();
}

}  // namespace drift::emulator
