#include "apps/children.h"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "apps/child_process.h"
#include "apps/signals.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/regular_file.h"

namespace drift {
namespace {

constexpr double kAskEverySeconds = 0.5;
constexpr std::chrono::milliseconds kLookEvery{50};

}  // namespace

void Children::start(int id, const std::vector<std::string>& words, const std::filesystem::path& log) {
  std::vector<std::string> command = {this_program()};
  command.insert(command.end(), words.begin(), words.end());
  const OpenedFile file = open_regular_file(log, O_WRONLY | O_CREAT | O_APPEND);
  DRIFT_CHECK(kOutput, file, "cannot open {} for writing: {}", log.string(), file.problem);
  const pid_t child = ::fork();
  if (child == 0) {
    become_child(file.descriptor, file.descriptor);
    run_instead(command);
    ::_exit(127);
  }
  ::close(file.descriptor);
  DRIFT_CHECK(kDevice, child > 0, "cannot start a process: {}", system_reason());
  running_[child] = id;
}

Children::Ended Children::wait() {
  double ask_at = 0;
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (const auto child = running_.find(ended); ended > 0 && child != running_.end()) {
      const int id = child->second;
      running_.erase(child);
      return {.id = id, .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status)};
    }
    DRIFT_CHECK(kInternal, ended >= 0 || errno == EINTR, "no process to wait for: {}", system_reason());
    if (const double now = steady_clock().seconds(); stop_requested() && now >= ask_at) {
      ask_at = now + kAskEverySeconds;
      for (const auto& [child, id] : running_) ::kill(child, kAsksToStop);
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace drift
