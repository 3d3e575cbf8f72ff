// A web server on the loopback device that has one file and answers as a test tells it to, one connection after the
// other: breaking off, without ranges, elsewhere, with another file.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace drift::testing {

// What a test wants of an answer; as it is here, that of a good server.
struct HttpAnswer {
  int status = 200;
  std::optional<std::size_t> break_after = {};       // so many bytes of the body
  bool ranges = true;                                // that are asked for are sent alone
  bool heeds_if_range = true;                        // sends all where that names another version
  std::string location = {};                         // of a redirect
  std::optional<std::string> file = {};              // in place of the server's
  std::string etag = "\"v1\"";                       // "": none
  std::string last_modified = {};                    // "": none
  std::optional<std::uint64_t> claimed_length = {};  // in place of the true one
  bool says_length = true;
};

struct HttpSeen {
  std::string path, range, if_range;
  bool operator==(const HttpSeen&) const = default;
};

class HttpServer {
 public:
  explicit HttpServer(std::string file);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "/set.tar.gz") const;
  // The next answers, in order; behind the last one, good ones.
  void answer(std::vector<HttpAnswer> answers);
  // What was asked for since the last call.
  std::vector<HttpSeen> seen();

 private:
  void serve();
  void answer_one(int connection);
  HttpAnswer next(HttpSeen seen);
  std::string response(const HttpAnswer& answer, const HttpSeen& seen) const;

  const std::string file_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<HttpAnswer> answers_;
  std::vector<HttpSeen> seen_;
  std::jthread thread_;
};

}  // namespace drift::testing
