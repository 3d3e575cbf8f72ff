// A child between fork() and the moment at which its program listens to signals.
#include "apps/child_process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace drift::testing {
namespace {

// How a shell ends that sends itself this signal and would end well.
int status_of_shell_with(int signal) {
  const pid_t child = ::fork();
  if (child == 0) {
    become_child(STDOUT_FILENO, STDERR_FILENO);
    run_instead({"sh", "-c", "kill -" + std::to_string(signal) + " $$; exit 0"});
    ::_exit(127);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

TEST(ChildProcess, AskedToStopBeforeItListensItLivesOn) {
  EXPECT_EQ(status_of_shell_with(kAsksToStop), 0);
  const int other = status_of_shell_with(SIGUSR2);
  EXPECT_TRUE(WIFSIGNALED(other)) << other;
}

}  // namespace
}  // namespace drift::testing
