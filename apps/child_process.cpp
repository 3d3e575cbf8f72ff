#include "apps/child_process.h"

#include <array>
#include <cstdio>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/check.h"

namespace drift {

std::string this_program() {
  std::array<char, 4096> self{};
  DRIFT_CHECK(kInternal, ::readlink("/proc/self/exe", self.data(), self.size() - 1) > 0, "where is this program?");
  return self.data();
}

void become_child(int out, int err) {
  ::setpgid(0, 0);                     // a Ctrl-C is for this program, which passes it on
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);  // and where it is gone, nobody is left behind
  if (std::freopen("/dev/null", "r", stdin) == nullptr) ::_exit(127);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  ::signal(kAsksToStop, SIG_IGN);  // until the other program listens
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
}

void run_instead(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execvp(argv[0], argv.data());
}

}  // namespace drift
