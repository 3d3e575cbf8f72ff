// Runs the drift binary as a user would, or another program that starts it, with its output captured.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace drift::testing {

struct Outcome {
  int exit_code = -1;  // 128 + n if signal n ended it
  std::string out, err;
};

Outcome run_drift(const std::vector<std::string>& arguments);
// before: in the program's process, when its output is captured and it has not begun.
Outcome run_drift(const std::vector<std::string>& arguments, const std::function<void()>& before);
Outcome run_program(const std::vector<std::string>& words);

// drift train in so many processes.
std::vector<std::string> launched(int processes, const std::vector<std::string>& arguments);

// Starts it, waits until it has written `sign` to stderr, sends the signal, and waits for its end.
Outcome run_drift_and_signal(const std::vector<std::string>& arguments, const std::string& sign, int signal);

// The same with a signal sent again and again until it ends: one alone could be merged with the one still pending.
Outcome run_drift_and_insist(const std::vector<std::string>& arguments, const std::string& sign, int signal);

}  // namespace drift::testing
