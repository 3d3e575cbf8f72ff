// A library to be loaded before the others (LD_PRELOAD), in which one call of one process goes wrong.
//
//   DRIFT_FAULT="PROCESS CALL NTH WHAT"
//
// PROCESS: its number, or "alone" where nobody has numbered it. WHAT: fail, fail:ERRNO, half (of a write; others are
// done), kill, tear (half of a write, then kill), delay, stop, signal:N, hang:N (the signal comes, and the call never
// returns), or what to throw: memory, exception, int. CALL: connect, send, recv, uname, clock_gettime, which is called
// some times in each step, one that has to do with files (file_faults.cpp) or one of MPI's (mpi_faults.cpp). "fail":
// the call says that it failed; send and recv, which count on the connections of the control channel alone, cut them.
#include "tests/apps/faults.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/apps/preload.h"

namespace drift::testing {
namespace {

struct Fault {
  bool active = false;
  char call[32] = "", what[16] = "";
  long nth = 0;
};

const Fault& fault() {
  static const Fault the_one = [] {
    Fault fault;
    const char* const text = std::getenv("DRIFT_FAULT");
    const char* const number = std::getenv("OMPI_COMM_WORLD_RANK");
    char wanted[16] = "";
    fault.active = text != nullptr &&
                   std::sscanf(text, "%15s %31s %ld %15s", wanted, fault.call, &fault.nth, fault.what) == 4 &&
                   std::strcmp(wanted, number == nullptr ? "alone" : number) == 0;
    return fault;
  }();
  return the_one;
}

// In this thread, so that it has come before the call goes on; one that does not take signals leaves it to the others.
void send_here(int signal) {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  sigismember(&blocked, signal) == 1 ? ::kill(::getpid(), signal) : ::raise(signal);
}

}  // namespace

bool goes_wrong(const char* call, bool has_halves) {
  const Fault& f = fault();
  if (!f.active || std::strcmp(call, f.call) != 0) return false;
  static std::atomic<long> calls{0};
  if (++calls != f.nth) return false;
  const auto is = [&](const char* what) { return std::strcmp(f.what, what) == 0; };
  if (int signal = 0; std::sscanf(f.what, "signal:%d", &signal) == 1) send_here(signal);
  if (int signal = 0; std::sscanf(f.what, "hang:%d", &signal) == 1) {
    send_here(signal);
    for (;;) ::pause();
  }
  if (is("kill") || (is("tear") && !has_halves)) ::raise(SIGKILL);
  if (is("stop")) ::kill(::getpid(), SIGSTOP);
  if (is("delay")) ::usleep(300'000);
  if (is("memory")) throw std::bad_alloc();
  if (is("exception")) throw std::runtime_error("thrown on purpose");
  if (is("int")) throw 7;
  return std::strncmp(f.what, "fail", 4) == 0 || (has_halves && does_half());
}

int reason_or(int otherwise) {
  int reason = otherwise;
  std::sscanf(fault().what, "fail:%d", &reason);
  return reason;
}
bool does_half() {
  return std::strcmp(fault().what, "half") == 0 || std::strcmp(fault().what, "tear") == 0;
}
void half_is_done() {
  if (std::strcmp(fault().what, "tear") == 0) ::raise(SIGKILL);
}

namespace {

constexpr int kDescriptors = 1024;
std::atomic<bool> control[kDescriptors];  // descriptors of the control channel

}  // namespace
}  // namespace drift::testing

using drift::testing::control;
using drift::testing::goes_wrong;
using drift::testing::kDescriptors;
using drift::testing::real;

// NOLINTBEGIN: the names and types are those of the libraries
extern "C" {

int connect(int fd, const sockaddr* address, socklen_t length) {
  if (address->sa_family != AF_UNIX && goes_wrong("connect")) {
    errno = ECONNREFUSED;
    return -1;
  }
  return real("connect", &connect)(fd, address, length);
}
ssize_t send(int fd, const void* bytes, size_t count, int flags) {
  const bool is_control = (flags & MSG_NOSIGNAL) != 0;  // MPI's own do without
  if (is_control && fd >= 0 && fd < kDescriptors) control[fd] = true;
  if (is_control && goes_wrong("send")) ::shutdown(fd, SHUT_RDWR);
  return real("send", &send)(fd, bytes, count, flags);
}
ssize_t recv(int fd, void* bytes, size_t count, int flags) {
  if (fd >= 0 && fd < kDescriptors && control[fd] && goes_wrong("recv")) ::shutdown(fd, SHUT_RDWR);
  return real("recv", &recv)(fd, bytes, count, flags);
}
int uname(utsname* system) {
  goes_wrong("uname");
  return real("uname", &uname)(system);
}
int clock_gettime(clockid_t clock, timespec* time) {
  goes_wrong("clock_gettime");
  return real("clock_gettime", &clock_gettime)(clock, time);
}

}  // extern "C"
// NOLINTEND
