#include "tests/apps/program.h"

#include <array>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/build_info.h"
#include "core/check.h"

namespace drift::testing {
namespace {

struct Pipe {
  Pipe() { DRIFT_CHECK(kInternal, pipe(ends) == 0, "no pipe"); }
  int ends[2];
};

// Reads both pipes until the program closes them; calls on_error_text after each piece of stderr.
template <class F>
void drain(int out_end, int err_end, Outcome& outcome, F on_error_text) {
  std::array<pollfd, 2> ends = {pollfd{out_end, POLLIN, 0}, pollfd{err_end, POLLIN, 0}};
  std::array<char, 4096> piece;
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (poll(ends.data(), ends.size(), /*timeout=*/-1) < 0) continue;
    for (pollfd& end : ends) {
      if (end.fd < 0 || end.revents == 0) continue;
      const ssize_t count = read(end.fd, piece.data(), piece.size());
      if (count <= 0) {
        close(end.fd);
        end.fd = -1;  // poll ignores it
        continue;
      }
      std::string& text = &end == &ends[0] ? outcome.out : outcome.err;
      text.append(piece.data(), static_cast<std::size_t>(count));
      if (&end == &ends[1]) on_error_text();
    }
  }
}

std::vector<std::string> drift(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {DRIFT_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

void set_limit(int resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  if (soft != 0 && setrlimit(resource, &limit) != 0) _exit(127);
}

// In the process that becomes the program.
void live_within(const Limits& limits) {
  constexpr rlim_t kGrace = 20;                         // CPU seconds to leave in, with a checkpoint
  const rlim_t slower = can_limit_addresses() ? 1 : 8;  // sanitizers take their time
  set_limit(RLIMIT_CPU, slower * limits.cpu_seconds, slower * limits.cpu_seconds + kGrace);
  set_limit(RLIMIT_FSIZE, limits.file_size, limits.file_size);
  if (limits.file_size != 0) signal(SIGXFSZ, SIG_IGN);  // a write that reaches it fails
  if (can_limit_addresses()) set_limit(RLIMIT_AS, limits.address_space, limits.address_space);
  if (!limits.directory.empty() && chdir(limits.directory.c_str()) != 0) _exit(127);
  alarm(120);
}

template <class F>
Outcome run(
    std::vector<std::string> words, F on_error_text, const std::function<void()>& before = [] {}) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  Pipe out, err;
  const pid_t child = fork();
  DRIFT_CHECK(kInternal, child >= 0, "cannot fork");
  if (child == 0) {
    dup2(out.ends[1], STDOUT_FILENO);
    dup2(err.ends[1], STDERR_FILENO);
    for (const int end : {out.ends[0], out.ends[1], err.ends[0], err.ends[1]}) close(end);
    before();
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(out.ends[1]);
  close(err.ends[1]);
  Outcome outcome;
  drain(out.ends[0], err.ends[0], outcome, [&] { on_error_text(child, outcome); });
  int status = 0;
  waitpid(child, &status, 0);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

bool has_ended(pid_t child) {
  siginfo_t info{};
  waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == child;
}

}  // namespace

Outcome run_drift(const std::vector<std::string>& arguments) {
  return run_program(drift(arguments));
}

Outcome run_drift(const std::vector<std::string>& arguments, const std::function<void()>& before) {
  return run(
      drift(arguments), [](pid_t, const Outcome&) {}, before);
}

Outcome run_program(const std::vector<std::string>& words) {
  return run(words, [](pid_t, const Outcome&) {});
}

std::size_t campaign_cases(std::size_t usual) {
  const char* const asked = std::getenv("DRIFT_CAMPAIGN_CASES");
  if (asked != nullptr) return static_cast<std::size_t>(std::atol(asked));
  return build_info().sanitizers.empty() ? usual : usual / 4;
}

bool can_limit_addresses() {
  return build_info().sanitizers.empty();
}

Outcome run_drift_within(const Limits& limits, const std::vector<std::string>& arguments) {
  return run(
      drift(arguments), [](pid_t, const Outcome&) {}, [&] { live_within(limits); });
}

std::vector<std::string> launched(int processes, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"launch", "-n", std::to_string(processes), "--"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return words;
}

Outcome run_drift_and_signal(const std::vector<std::string>& arguments, const std::string& sign, int signal) {
  bool sent = false;
  return run(drift(arguments), [&](pid_t child, const Outcome& so_far) {
    if (sent || so_far.err.find(sign) == std::string::npos) return;
    sent = true;
    kill(child, signal);
  });
}

Outcome run_drift_and_insist(const std::vector<std::string>& arguments, const std::string& sign, int signal) {
  return run(drift(arguments), [&](pid_t child, const Outcome& so_far) {
    if (so_far.err.find(sign) == std::string::npos) return;
    while (!has_ended(child)) kill(child, signal);
  });
}

}  // namespace drift::testing
