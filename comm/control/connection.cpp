#include "comm/control/connection.h"

#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include "core/check.h"
#include "core/clock.h"

namespace drift {
namespace {

bool is_for_later(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

}  // namespace

Connection::Connection(Socket socket, std::string peer) : socket_(std::move(socket)), peer_(std::move(peer)) {}

void Connection::write_some() {
  while (!unsent_.empty()) {
    const ssize_t wrote = ::send(socket_.descriptor(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
    if (wrote < 0 && is_for_later(errno)) return;
    DRIFT_CHECK(kComm, wrote > 0, "it is gone: its connection ({}) is lost: {}", peer_, std::strerror(errno));
    unsent_.erase(0, static_cast<std::size_t>(wrote));
  }
}

std::optional<Frame> Connection::read() {
  char bytes[4096];
  for (;;) {
    if (auto frame = reader_.next()) return frame;
    const ssize_t count = ::recv(socket_.descriptor(), bytes, sizeof bytes, 0);
    if (count < 0 && is_for_later(errno)) return std::nullopt;
    DRIFT_CHECK(kComm, count > 0, "it is gone: its connection ({}) is {}", peer_,
                count == 0 ? "closed" : fmt::format("lost: {}", std::strerror(errno)));
    reader_.add({bytes, static_cast<std::size_t>(count)});
  }
}

void Connection::finish(double seconds) noexcept {
  const double end = steady_clock().seconds() + seconds;
  try {
    for (write_some(); has_unsent() && steady_clock().seconds() < end; write_some()) {
      pollfd wanted{socket_.descriptor(), POLLOUT, 0};
      ::poll(&wanted, 1, 100);
    }
  } catch (const Error&) {  // it is gone, and so are we
  }
}

}  // namespace drift
