#include "tests/support/http_server.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "core/check.h"

namespace drift::testing {
namespace {

// The value of a header of a request; "": it has none.
std::string header(const std::string& request, const std::string& name) {
  const std::size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + 2 + name.size() + 2;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

std::string request_from(int connection) {
  std::string request;
  std::array<char, 4096> piece;
  while (request.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(connection, piece.data(), piece.size(), 0);
    if (count <= 0) break;
    request.append(piece.data(), static_cast<std::size_t>(count));
  }
  return request;
}

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // who asked has left
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

HttpServer::HttpServer(std::string file) : file_(std::move(file)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  const bool listens =
      ::bind(listener_, any, size) == 0 && ::listen(listener_, 8) == 0 && ::getsockname(listener_, any, &size) == 0;
  DRIFT_ASSERT(listens, "no server on the loopback device");
  port_ = ntohs(address.sin_port);
  thread_ = std::jthread([this] { serve(); });
}

HttpServer::~HttpServer() {
  ::shutdown(listener_, SHUT_RDWR);  // wakes who accepts
  thread_.join();
  ::close(listener_);
}

std::string HttpServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

void HttpServer::answer(std::vector<HttpAnswer> answers) {
  const std::lock_guard lock(mutex_);
  answers_ = std::move(answers);
}

std::vector<HttpSeen> HttpServer::seen() {
  const std::lock_guard lock(mutex_);
  return std::exchange(seen_, {});
}

HttpAnswer HttpServer::next(HttpSeen seen) {
  const std::lock_guard lock(mutex_);
  seen_.push_back(std::move(seen));
  if (answers_.empty()) return {};
  HttpAnswer answer = answers_.front();
  answers_.erase(answers_.begin());
  return answer;
}

void HttpServer::serve() {
  while (true) {
    const int connection = ::accept(listener_, nullptr, nullptr);
    if (connection < 0) return;
    answer_one(connection);
    ::close(connection);
  }
}

void HttpServer::answer_one(int connection) {
  const std::string request = request_from(connection);
  if (request.empty()) return;
  const std::size_t path = request.find(' ') + 1;
  const HttpSeen seen{request.substr(path, request.find(' ', path) - path), header(request, "Range"),
                      header(request, "If-Range")};
  const HttpAnswer answer = next(seen);
  send_all(connection, response(answer, seen));
}

std::string HttpServer::response(const HttpAnswer& answer, const HttpSeen& seen) const {
  const std::string& file = answer.file ? *answer.file : file_;
  const bool same = seen.if_range.empty() || seen.if_range == answer.etag || seen.if_range == answer.last_modified;
  const bool part = answer.status == 200 && answer.ranges && !seen.range.empty() && (same || !answer.heeds_if_range);
  std::size_t first = 0;
  int status = answer.status;
  std::string head;
  if (part) {
    first = std::stoul(seen.range.substr(seen.range.find('=') + 1));
    status = first < file.size() ? 206 : 416;
    head += first < file.size() ? fmt::format("Content-Range: bytes {}-{}/{}\r\n", first, file.size() - 1, file.size())
                                : fmt::format("Content-Range: bytes */{}\r\n", file.size());
  }
  const std::string body = status == 200 || status == 206 ? file.substr(first) : "an answer without the file";
  if (!answer.location.empty()) head += fmt::format("Location: {}\r\n", answer.location);
  if (!answer.etag.empty()) head += fmt::format("ETag: {}\r\n", answer.etag);
  if (!answer.last_modified.empty()) head += fmt::format("Last-Modified: {}\r\n", answer.last_modified);
  if (answer.says_length) {
    head += fmt::format("Content-Length: {}\r\n", answer.claimed_length.value_or(body.size()));
  }
  return fmt::format("HTTP/1.1 {} As asked\r\n{}Connection: close\r\n\r\n{}", status, head,
                     body.substr(0, answer.break_after.value_or(body.size())));
}

}  // namespace drift::testing
