// Runs the drift binary as a user would, or another program that starts it, with its output captured.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/resource.h>
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

// How many cases of a campaign are tried: `usual`, a quarter of them where sanitizers slow each, or what
// DRIFT_CAMPAIGN_CASES asks for.
std::size_t campaign_cases(std::size_t usual);

// Whether the addresses of programs can be limited: sanitizers need more than any limit would leave.
bool can_limit_addresses();

// What the system gives a program; 0: as much as this one has.
struct Limits {
  rlim_t cpu_seconds =
      0;  // work counts, not the clock: at so many drift is asked to stop (SIGXCPU), later it is killed
  rlim_t address_space = 0, file_size = 0;  // bytes
  std::filesystem::path directory = {};     // to run in
};
// Whoever waits for ever is killed after two minutes (SIGALRM).
Outcome run_drift_within(const Limits& limits, const std::vector<std::string>& arguments);

// drift train in so many processes.
std::vector<std::string> launched(int processes, const std::vector<std::string>& arguments);

// Starts it, waits until it has written `sign` to stderr, sends the signal, and waits for its end.
Outcome run_drift_and_signal(const std::vector<std::string>& arguments, const std::string& sign, int signal);

// The same with a signal sent again and again until it ends: one alone could be merged with the one still pending.
Outcome run_drift_and_insist(const std::vector<std::string>& arguments, const std::string& sign, int signal);

}  // namespace drift::testing
