#include "core/standard_streams.h"

#include <csignal>
#include <fcntl.h>
#include <initializer_list>
#include <unistd.h>

namespace drift {

void secure_standard_streams() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // A new descriptor has the lowest number that is free. With O_PATH it is no more than a number.
    if (::fcntl(stream, F_GETFD) < 0) ::open("/", O_PATH);
  }
}

}  // namespace drift
