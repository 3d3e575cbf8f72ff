// How the emulator speaks: lines that start with "[emulator]" on stderr. A mistake of the program under test ends the
// process with kExitCode, so that a test sees it whatever the program does with the error codes of CUDA calls.
#pragma once

#include <functional>
#include <string>

namespace drift::emulator {

inline constexpr int kExitCode = 70;

// Reports a mistake. Returns only where EMU_ON_ERROR=sticky asks for CUDA's own behaviour: every later call fails.
void report_fault(const std::string& text);

// The emulator cannot go on: it lacks something, or its own settings are wrong.
[[noreturn]] void stop(const std::string& text);
[[noreturn]] void refuse_setting(const char* name, const std::string& reason);

// A line of EMU_TRACE=1.
void trace(const std::string& text);

// Runs before the process ends, whether by exit() or because of a mistake: for the files that count calls.
void at_end(std::function<void()> action);
void run_end_actions();

}  // namespace drift::emulator
