// http_get() by libcurl.
#include <array>
#include <curl/curl.h>
#include <exception>
#include <memory>
#include <new>
#include <string_view>

#include "core/build_info.h"
#include "core/check.h"
#include "data/fetch/http.h"

namespace drift {
namespace {

constexpr long kRedirectsMax = 10;
constexpr long kConnectSeconds = 30;
constexpr long kSilentSeconds = 60;  // without a byte; then the transfer has broken off

struct FreeEasy {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

void require_curl() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  DRIFT_CHECK(kDevice, initialised == CURLE_OK, "libcurl cannot be used: {}", curl_easy_strerror(initialised));
}

// Another try may end otherwise.
bool may_pass(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

class Transfer {
 public:
  Transfer(const HttpRequest& request, HttpReceiver& receiver) : receiver_(receiver), handle_(curl_easy_init()) {
    if (!handle_) throw std::bad_alloc();
    error_[0] = '\0';
    set(CURLOPT_ERRORBUFFER, error_.data());
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_USERAGENT, fmt::format("drift/{}", build_info().version).c_str());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_PROTOCOLS_STR, "http,https");  // behind redirects, too
    set(CURLOPT_FOLLOWLOCATION, 1L);
    set(CURLOPT_MAXREDIRS, kRedirectsMax);
    set(CURLOPT_CONNECTTIMEOUT, kConnectSeconds);
    set(CURLOPT_LOW_SPEED_LIMIT, 1L);
    set(CURLOPT_LOW_SPEED_TIME, kSilentSeconds);
    set(CURLOPT_WRITEFUNCTION, on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, on_progress);
    set(CURLOPT_XFERINFODATA, this);
    if (request.first > 0) set(CURLOPT_RANGE, fmt::format("{}-", request.first).c_str());
    if (!request.if_range.empty()) {
      headers_.reset(curl_slist_append(nullptr, ("If-Range: " + request.if_range).c_str()));
      if (!headers_) throw std::bad_alloc();
      set(CURLOPT_HTTPHEADER, headers_.get());
    }
  }

  HttpEnd run() {
    const CURLcode code = curl_easy_perform(handle_.get());
    if (code == CURLE_OK && !began_ && !thrown_) guarded([&] { begin(); });  // a body without bytes
    if (thrown_) std::rethrow_exception(thrown_);
    if (code == CURLE_OK || refused_) return {};
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    return {.problem = error_[0] == '\0' ? curl_easy_strerror(code) : error_.data(), .lasting = !may_pass(code)};
  }

 private:
  template <class Value>
  void set(CURLoption option, Value value) {
    const CURLcode code = curl_easy_setopt(handle_.get(), option, value);
    if (code == CURLE_OUT_OF_MEMORY) throw std::bad_alloc();
    DRIFT_CHECK(kConfig, code == CURLE_OK, "libcurl {} refuses an option: {}", curl_version(),
                curl_easy_strerror(code));
  }

  // No exception may pass through libcurl.
  template <class Run>
  void guarded(Run run) {
    try {
      run();
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }

  std::string header(const char* name) const {
    curl_header* found = nullptr;
    return curl_easy_header(handle_.get(), name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : "";
  }

  void begin() {
    began_ = true;
    HttpReply reply{.content_range = header("Content-Range"), .validator = header("ETag")};
    long status = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(handle_.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    reply.status = static_cast<int>(status);
    if (length >= 0) reply.length = static_cast<std::uint64_t>(length);
    if (reply.validator.empty() || reply.validator.starts_with("W/")) reply.validator = header("Last-Modified");
    refused_ = !receiver_.begin(reply);
  }

  static std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* self) {
    auto& own = *static_cast<Transfer*>(self);
    own.guarded([&] {
      if (!own.began_) own.begin();
      if (!own.refused_) own.receiver_.add(std::as_bytes(std::span(bytes, count)));
    });
    return own.thrown_ || own.refused_ ? 0 : count;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(self)->receiver_.is_stopped() ? 1 : 0;
  }

  HttpReceiver& receiver_;
  std::array<char, CURL_ERROR_SIZE> error_;
  std::unique_ptr<curl_slist, FreeList> headers_;
  std::unique_ptr<CURL, FreeEasy> handle_;
  std::exception_ptr thrown_;
  bool began_ = false, refused_ = false;
};

}  // namespace

HttpEnd http_get(const HttpRequest& request, HttpReceiver& receiver) {
  require_curl();
  return Transfer(request, receiver).run();
}

}  // namespace drift
