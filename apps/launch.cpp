// drift launch: starts the processes of a job on this machine, through mpirun. It hands on what they print, lets them
// leave together when it is asked to stop, and says at the end what went wrong first.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "apps/child_process.h"
#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/launched_output.h"
#include "apps/signals.h"
#include "comm/mpi.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/log.h"

namespace drift {
namespace {

constexpr double kAskEverySeconds = 0.5;

// One of mpirun's outputs, cut into lines.
struct Channel {
  int read_end = -1, write_end = -1;
  std::FILE* to = nullptr;
  std::string rest;

  explicit Channel(std::FILE* out) : to(out) {
    int ends[2];
    DRIFT_CHECK(kComm, ::pipe(ends) == 0, "cannot make a pipe: {}", std::strerror(errno));
    read_end = ends[0];
    write_end = ends[1];
  }

  // False at the end of the output.
  bool pass_on(LaunchedOutput& output) {
    std::array<char, 4096> piece;
    const ssize_t count = ::read(read_end, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) return true;
    if (count > 0) rest.append(piece.data(), static_cast<std::size_t>(count));
    for (std::size_t end; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) print(output, end);
    if (count > 0) return true;
    if (!rest.empty()) print(output, rest.size());
    return false;
  }
  void print(LaunchedOutput& output, std::size_t length) const {
    std::fputs((output.line(std::string_view(rest).substr(0, length)) + '\n').c_str(), to);
    std::fflush(to);  // what fails on stdout is found when the results are finished: the run goes on
  }
};

std::vector<std::string> command_of(std::int64_t processes, int argc, char** argv) {
  // More processes than cores are no error: they share them (--threads).
  std::vector<std::string> words = {"mpirun",          "-n",          std::to_string(processes),
                                    "--oversubscribe", "--bind-to",   "none",
                                    "--tag-output",    this_program()};
  words.insert(words.end(), argv, argv + argc);
  return words;
}

[[noreturn]] void become(const std::vector<std::string>& words, const Channel& out, const Channel& err) {
  become_child(out.write_end, err.write_end);
  for (const Channel* channel : {&out, &err}) {
    ::close(channel->read_end);
    ::close(channel->write_end);
  }
  if (::geteuid() == 0) {  // as in containers; mpirun asks that one says so
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  }
  run_instead(words);
  report_error(
      fmt::format("cannot start mpirun: {}. Is Open MPI installed (Debian: openmpi-bin)?", std::strerror(errno)));
  ::_exit(exit_code(ErrorKind::kConfig));
}

// Until mpirun closes both outputs. Who is asked to stop may not listen yet, and is asked again.
void pass_on_all(pid_t mpirun, Channel& out, Channel& err, LaunchedOutput& output) {
  std::array<pollfd, 2> ends{pollfd{out.read_end, POLLIN, 0}, pollfd{err.read_end, POLLIN, 0}};
  double ask_at = 0;
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (const double now = steady_clock().seconds(); stop_requested() && now >= ask_at) {
      ask_at = now + kAskEverySeconds;
      ::kill(mpirun, kAsksToStop);  // which hands it on to all processes
    }
    if (::poll(ends.data(), ends.size(), static_cast<int>(kAskEverySeconds * 1e3)) <= 0) continue;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if (ends[i].fd < 0 || ends[i].revents == 0) continue;
      if (!(i == 0 ? out : err).pass_on(output)) ends[i].fd = -1;  // poll ignores it
    }
  }
}

}  // namespace

int run_launch(int argc, char** argv) {
  install_stop_signals();
  int own = 1;
  while (own < argc && std::string_view(argv[own]) != "--") ++own;
  CommandLine command(
      std::nullopt, "drift launch",
      "Starts a command of drift in several processes of this machine, which find each other over MPI.\n"
      "Every line they print has the number of its process in front. Ctrl-C lets all of them leave\n"
      "after the same step, with a checkpoint. Several machines: docs/clusters.md.",
      {"drift launch -n 2 -- train --recipe recipes/quickstart.toml --workers 2 --local-batch 64"});
  std::int64_t processes = 0;
  command.add_required_value("-n,--processes", "P", CommandLine::Integer{&processes, {.min = 1, .max = 1024}},
                             "how many; must divide --workers");
  if (!command.parse(own, argv)) return 0;
  DRIFT_CHECK(kUsage, own + 1 < argc, "nothing to start: write it behind --, as in drift launch -n {} -- train ...",
              processes);
  DRIFT_CHECK(
      kConfig, have_mpi(),
      "this build has no MPI, over which processes meet: run all --workers in one, or build with -DDRIFT_MPI=ON");

  const std::vector<std::string> words = command_of(processes, argc - own - 1, argv + own + 1);
  Channel out(stdout), err(stderr);
  const pid_t mpirun = ::fork();
  DRIFT_CHECK(kComm, mpirun >= 0, "cannot start a process: {}", std::strerror(errno));
  if (mpirun == 0) become(words, out, err);
  ::close(out.write_end);
  ::close(err.write_end);
  LaunchedOutput output;
  pass_on_all(mpirun, out, err, output);
  int status = 0;
  while (::waitpid(mpirun, &status, 0) < 0 && errno == EINTR) {
  }
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  // One that had not begun yet: once it has, it survives this signal.
  if (stop_requested() && code == 128 + kAsksToStop) code = exit_code(ErrorKind::kStopped);
  // mpirun tells of the process that a signal ended; the others told what that did to them.
  if (code > 128 && !output.first_error().empty()) code = exit_code(ErrorKind::kComm);
  if (code != 0 && !output.first_error().empty()) report_error("process " + output.first_error(), "drift launch");
  return code;
}

}  // namespace drift
