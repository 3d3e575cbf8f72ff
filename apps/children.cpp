#include "apps/children.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "apps/signals.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/regular_file.h"

namespace drift {
namespace {

constexpr double kAskEverySeconds = 0.5;
constexpr std::chrono::milliseconds kLookEvery{50};

std::string this_program() {
  std::array<char, 4096> self{};
  DRIFT_CHECK(kInternal, ::readlink("/proc/self/exe", self.data(), self.size() - 1) > 0, "where is this program?");
  return self.data();
}

[[noreturn]] void become(const std::vector<std::string>& words, int log) {
  ::setpgid(0, 0);                     // a Ctrl-C is for this program, which passes it on
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // and where it is gone, nobody is left behind
  if (std::freopen("/dev/null", "r", stdin) == nullptr) ::_exit(127);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::_exit(127);
}

}  // namespace

void Children::start(int id, const std::vector<std::string>& words, const std::filesystem::path& log) {
  std::vector<std::string> command = {this_program()};
  command.insert(command.end(), words.begin(), words.end());
  const OpenedFile file = open_regular_file(log, O_WRONLY | O_CREAT | O_APPEND);
  DRIFT_CHECK(kOutput, file, "cannot open {} for writing: {}", log.string(), file.problem);
  const pid_t child = ::fork();
  if (child == 0) become(command, file.descriptor);
  ::close(file.descriptor);
  DRIFT_CHECK(kDevice, child > 0, "cannot start a process: {}", std::strerror(errno));
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
    DRIFT_CHECK(kInternal, ended >= 0 || errno == EINTR, "no process to wait for: {}", std::strerror(errno));
    if (const double now = steady_clock().seconds(); stop_requested() && now >= ask_at) {
      ask_at = now + kAskEverySeconds;
      for (const auto& [child, id] : running_) ::kill(child, SIGUSR1);
    }
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace drift
