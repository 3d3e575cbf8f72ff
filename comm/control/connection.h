// A TCP connection that carries frames. It never blocks: what cannot be written yet waits here, and whoever owns it
// asks poll() when to go on.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "comm/control/frame.h"
#include "comm/control/socket.h"

namespace drift {

class Connection {
 public:
  Connection(Socket socket, std::string peer);
  explicit Connection(Accepted accepted) : Connection(std::move(accepted.socket), std::move(accepted.peer)) {}

  int descriptor() const { return socket_.descriptor(); }
  const std::string& peer() const { return peer_; }

  void send(const Frame& frame) { unsent_ += encode(frame); }
  bool has_unsent() const { return !unsent_.empty(); }
  // Both throw kComm once the connection is lost or what comes is no frame.
  void write_some();
  // The next frame, if it has come by now. The frames behind it stay here.
  std::optional<Frame> read();
  // Writes what is left, for at most so long; without errors, as the peer may be gone.
  void finish(double seconds) noexcept;

 private:
  Socket socket_;
  std::string peer_, unsent_;
  FrameReader reader_;
};

}  // namespace drift
