#include "comm/control/socket.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

constexpr int kConnectMilliseconds = 5000;

void set_options(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses addresses_of(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  DRIFT_CHECK(kComm, status == 0, "{}: {}", host, ::gai_strerror(status));
  return {found, &::freeaddrinfo};
}

std::string text_of(const sockaddr_storage& address) {
  char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
  ::getnameinfo(reinterpret_cast<const sockaddr*>(&address), sizeof address, host, sizeof host, port, sizeof port,
                NI_NUMERICHOST | NI_NUMERICSERV);
  return fmt::format("{} port {}", host, port);
}

// 0 once connected. A host that is switched off does not answer at all.
int error_of_connect(int descriptor, const addrinfo& address) {
  if (::connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  pollfd wanted{descriptor, POLLOUT, 0};
  if (::poll(&wanted, 1, kConnectMilliseconds) == 0) return ETIMEDOUT;
  int error = 0;
  socklen_t length = sizeof error;
  return ::getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

}  // namespace

Socket::~Socket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Socket::Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Socket listen_on(int port) {
  // IPv6 sockets take IPv4 too, where the machine has IPv6 at all.
  for (const int family : {AF_INET6, AF_INET}) {
    Socket socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.descriptor() < 0 && family == AF_INET6) continue;
    const int on = 1, off = 0;
    ::setsockopt(socket.descriptor(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(static_cast<std::uint16_t>(port));
    four.sin_family = AF_INET;
    four.sin_port = six.sin6_port;
    if (family == AF_INET6) ::setsockopt(socket.descriptor(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    const int status = family == AF_INET6
                           ? ::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&six), sizeof six)
                           : ::bind(socket.descriptor(), reinterpret_cast<const sockaddr*>(&four), sizeof four);
    if (status != 0 && errno == EADDRNOTAVAIL && family == AF_INET6) continue;
    DRIFT_CHECK(kComm, status == 0 && ::listen(socket.descriptor(), SOMAXCONN) == 0, "cannot listen on port {}: {}",
                port, std::strerror(errno));
    set_options(socket.descriptor());
    return socket;
  }
  DRIFT_FAIL(kComm, "cannot listen on port {}: no network", port);
}

Socket connect_to(const std::string& host, int port) {
  const Addresses addresses = addresses_of(host, port);
  int error = 0;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (socket.descriptor() >= 0) {
      set_options(socket.descriptor());
      error = error_of_connect(socket.descriptor(), *address);
      if (error == 0) return socket;
    } else {
      error = errno;
    }
  }
  DRIFT_FAIL(kComm, "{} port {}: {}", host, port, std::strerror(error));
}

int port_of(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(socket.descriptor(), reinterpret_cast<sockaddr*>(&address), &length);
  return address.ss_family == AF_INET6 ? ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port)
                                       : ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

Accepted accept_from(const Socket& listener) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  Socket socket(::accept4(listener.descriptor(), reinterpret_cast<sockaddr*>(&address), &length, SOCK_CLOEXEC));
  DRIFT_CHECK(kComm, socket.descriptor() >= 0, "cannot accept a connection: {}", std::strerror(errno));
  set_options(socket.descriptor());
  return {std::move(socket), text_of(address)};
}

std::vector<std::string> host_addresses() {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(first, &::freeifaddrs);
  std::vector<std::string> addresses;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    const bool reachable =
        one->ifa_addr != nullptr && (one->ifa_flags & IFF_UP) != 0 && (one->ifa_flags & IFF_LOOPBACK) == 0;
    if (!reachable || one->ifa_addr->sa_family != AF_INET) continue;
    char host[NI_MAXHOST] = "";
    if (::getnameinfo(one->ifa_addr, sizeof(sockaddr_in), host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0) {
      addresses.emplace_back(host);
    }
  }
  return addresses;
}

}  // namespace drift
