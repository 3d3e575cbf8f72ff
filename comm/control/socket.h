// TCP sockets: where a process listens, and its way to another.
#pragma once

#include <string>
#include <vector>

namespace drift {

// A file descriptor that is closed with its owner.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  ~Socket();
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// All of them never block. They throw kComm with the system's reason. port 0: any free one.
Socket listen_on(int port);
Socket connect_to(const std::string& host, int port);
struct Accepted {
  Socket socket;
  std::string peer;  // where it comes from
};
Accepted accept_from(const Socket& listener);
int port_of(const Socket& socket);

// The numbers under which others may reach this machine, those of its loop aside.
std::vector<std::string> host_addresses();

}  // namespace drift
