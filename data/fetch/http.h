// One GET by HTTP or HTTPS, redirects followed, for whoever knows what to do when it breaks off. The only home of
// libcurl is what implements it, curl_http.cpp; where that was not found, missing/http.cpp says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace drift {

struct HttpRequest {
  std::string url;
  std::uint64_t first = 0;    // byte that is asked for, with all behind it
  std::string if_range = {};  // all of it is asked for unless it still has this validator; "": as the server likes
};

// The head of an answer, the one behind all redirects.
struct HttpReply {
  int status = 0;
  std::optional<std::uint64_t> length = {};  // of the body, where it is known
  std::string content_range = {};            // "bytes 100-199/200"
  std::string validator = {};                // an ETag that is not weak, else Last-Modified, else ""
};

// Who takes the answer. What its functions throw ends the transfer, and http_get() throws it.
class HttpReceiver {
 public:
  virtual ~HttpReceiver() = default;
  // Whether the body is wanted.
  virtual bool begin(const HttpReply& reply) = 0;
  virtual void add(std::span<const std::byte> bytes) = 0;
  // Asked now and then: whether to end the transfer.
  virtual bool is_stopped() = 0;
};

// Why a transfer ended, if not because all of it came. lasting: it will be so again (no such protocol, a certificate
// that is not trusted, redirects without end).
struct HttpEnd {
  std::string problem = {};
  bool lasting = false;
};

// Throws kConfig in a build without libcurl.
HttpEnd http_get(const HttpRequest& request, HttpReceiver& receiver);

}  // namespace drift
