// A library to be loaded before the others (LD_PRELOAD), in which one call of one process goes wrong.
//
//   DRIFT_FAULT="PROCESS CALL NTH WHAT"    WHAT: fail, delay, kill, stop
//
// CALL: MPI_Isend, MPI_Irecv, MPI_Testall, MPI_Allreduce, connect, send, recv, fsync or clock_gettime, which is called
// some times in each step. "fail": the call says that it failed; send and recv, which count on the connections of the
// control channel alone, cut them.
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mpi.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/apps/preload.h"

namespace {

using drift::testing::real;

struct Fault {
  bool active = false;
  char call[32] = "", what[16] = "";
  long nth = 0;
};

const Fault& fault() {
  static const Fault the_one = [] {
    Fault fault;
    const char* const text = std::getenv("DRIFT_FAULT");
    const char* const process = std::getenv("OMPI_COMM_WORLD_RANK");
    int wanted = 0;
    fault.active = text != nullptr && process != nullptr &&
                   std::sscanf(text, "%d %31s %ld %15s", &wanted, fault.call, &fault.nth, fault.what) == 4 &&
                   wanted == std::atoi(process);
    return fault;
  }();
  return the_one;
}

// Whether the call is to fail. Does the other things itself.
bool goes_wrong(const char* call) {
  const Fault& f = fault();
  if (!f.active || std::strcmp(call, f.call) != 0) return false;
  static std::atomic<long> calls{0};
  if (++calls != f.nth) return false;
  const auto is = [&](const char* what) { return std::strcmp(f.what, what) == 0; };
  if (is("kill")) ::raise(SIGKILL);
  if (is("stop")) ::kill(::getpid(), SIGSTOP);
  if (is("delay")) ::usleep(300'000);
  return is("fail");
}

constexpr int kDescriptors = 1024;
std::atomic<bool> control[kDescriptors];  // descriptors of the control channel

}  // namespace

// NOLINTBEGIN: the names and types are those of the libraries
extern "C" {

int MPI_Isend(const void* buffer, int count, MPI_Datatype type, int to, int tag, MPI_Comm comm, MPI_Request* request) {
  if (goes_wrong("MPI_Isend")) return MPI_ERR_OTHER;
  return real("MPI_Isend", &MPI_Isend)(buffer, count, type, to, tag, comm, request);
}
int MPI_Irecv(void* buffer, int count, MPI_Datatype type, int from, int tag, MPI_Comm comm, MPI_Request* request) {
  if (goes_wrong("MPI_Irecv")) return MPI_ERR_OTHER;
  return real("MPI_Irecv", &MPI_Irecv)(buffer, count, type, from, tag, comm, request);
}
int MPI_Testall(int count, MPI_Request requests[], int* flag, MPI_Status statuses[]) {
  if (goes_wrong("MPI_Testall")) return MPI_ERR_OTHER;
  return real("MPI_Testall", &MPI_Testall)(count, requests, flag, statuses);
}
int MPI_Allreduce(const void* from, void* to, int count, MPI_Datatype type, MPI_Op op, MPI_Comm comm) {
  if (goes_wrong("MPI_Allreduce")) return MPI_ERR_OTHER;
  return real("MPI_Allreduce", &MPI_Allreduce)(from, to, count, type, op, comm);
}
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
int fsync(int fd) {
  if (goes_wrong("fsync")) {
    errno = EIO;
    return -1;
  }
  return real("fsync", &fsync)(fd);
}
int clock_gettime(clockid_t clock, timespec* time) {
  goes_wrong("clock_gettime");
  return real("clock_gettime", &clock_gettime)(clock, time);
}

}  // extern "C"
// NOLINTEND
