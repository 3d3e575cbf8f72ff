#include "data/fetch/download.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/check.h"
#include "core/text.h"
#include "data/fetch/http.h"

namespace drift {
namespace {

constexpr double kSecondsMax = 30;  // between two tries; they begin with one

constexpr std::string_view kIsAnother = "the file at the server is another now";

constexpr int kOk = 200, kPartialContent = 206, kRequestTimeout = 408, kRangeNotSatisfiable = 416,
              kTooManyRequests = 429, kServerErrors = 500;

struct Range {
  std::int64_t first, total;
};

// "bytes 100-199/200"
std::optional<Range> range_of(const std::string& text) {
  constexpr std::string_view kUnit = "bytes ";
  const std::size_t dash = text.find('-'), slash = text.find('/');
  if (!text.starts_with(kUnit) || dash == std::string::npos || slash == std::string::npos || slash < dash) return {};
  const auto first = parse_integer(std::string_view(text).substr(kUnit.size(), dash - kUnit.size()));
  const auto total = parse_integer(std::string_view(text).substr(slash + 1));
  return first && total ? std::optional(Range{*first, *total}) : std::nullopt;
}

class Download final : public HttpReceiver {
 public:
  Download(const Remote& remote, PartialFile& file, const DownloadOptions& options)
      : remote_(remote), file_(file), options_(options) {}

  void run() {
    if (file_.size() > remote_.bytes) file_.clear();  // it was of something else
    std::uint64_t furthest = file_.size();
    int failed = 0;
    while (file_.size() < remote_.bytes) {
      options_.progress(file_.size());
      require_not_stopped();
      const std::string problem = try_once();
      require_not_stopped();
      if (problem.empty()) continue;
      const bool further = file_.size() >= furthest + kDownloadStep;
      if (further) furthest = file_.size();
      failed = further ? 1 : failed + 1;
      DRIFT_CHECK(kComm, failed < options_.tries,
                  "{}: {}; given up after {} tries with {} of {} bytes, which stay: the same command goes on",
                  remote_.url, problem, failed, file_.size(), remote_.bytes);
      const double seconds = std::min(std::exp2(failed - 1), kSecondsMax);
      options_.message(fmt::format("{}: {}; {} of {} bytes are there; again in {:.0f} s", remote_.url, problem,
                                   file_.size(), remote_.bytes, seconds));
      options_.wait(seconds);
    }
    options_.progress(file_.size());
  }

  bool begin(const HttpReply& reply) override {
    if (reply.status == kOk) return begin_whole(reply);
    if (reply.status == kPartialContent && asked_ > 0) return begin_rest(reply);
    if (reply.status == kRangeNotSatisfiable && asked_ > 0) return start_over("the server has no bytes behind those");
    const bool may_pass =
        reply.status >= kServerErrors || reply.status == kRequestTimeout || reply.status == kTooManyRequests;
    DRIFT_CHECK(kComm, may_pass, "{}: the server answers with HTTP status {}{}", remote_.url, reply.status,
                reply.status == 404 ? " (not found): give another place by --url" : "");
    problem_ = fmt::format("the server answers with HTTP status {}", reply.status);
    return false;
  }

  void add(std::span<const std::byte> bytes) override {
    DRIFT_CHECK(kData, bytes.size() <= remote_.bytes - file_.size(),
                "{}: sends more than {} bytes, which is what the archive has: this is another file", remote_.url,
                remote_.bytes);
    file_.append(bytes);
    options_.progress(file_.size());
  }

  bool is_stopped() override { return options_.stop; }

 private:
  void require_not_stopped() const {
    DRIFT_CHECK(kStopped, !options_.stop, "{}: stopped with {} of {} bytes, which stay: the same command goes on",
                remote_.url, file_.size(), remote_.bytes);
  }

  // What went wrong; "": nothing, or what another try without a wait will mend.
  std::string try_once() {
    asked_ = file_.size();
    problem_.clear();
    starts_over_ = false;
    const std::string validator = asked_ > 0 ? file_.validator_of(remote_.url) : "";
    const HttpEnd end = http_get({.url = remote_.url, .first = asked_, .if_range = validator}, *this);
    DRIFT_CHECK(kComm, !end.lasting || options_.stop, "{}: {}", remote_.url, end.problem);
    if (starts_over_ || file_.size() == remote_.bytes) return "";
    if (!problem_.empty()) return problem_;
    return end.problem.empty() ? "the connection ended" : end.problem;
  }

  void require_size(std::int64_t bytes) const {
    DRIFT_CHECK(kData, bytes == static_cast<std::int64_t>(remote_.bytes),
                "{}: has {} bytes, and the archive has {}: this is another file", remote_.url, bytes, remote_.bytes);
  }

  bool begin_whole(const HttpReply& reply) {
    if (reply.length) require_size(static_cast<std::int64_t>(*reply.length));
    if (asked_ > 0) {
      say_once(is_another(reply) ? kIsAnother : "the server does not send parts of files");
      file_.clear();
    }
    file_.note_validator(remote_.url, reply.validator);
    return true;
  }

  bool begin_rest(const HttpReply& reply) {
    const std::optional<Range> range = range_of(reply.content_range);
    if (range) require_size(range->total);
    if (!range || range->first != static_cast<std::int64_t>(asked_)) return start_over("the server sends other parts");
    return is_another(reply) ? start_over(kIsAnother) : true;
  }

  bool is_another(const HttpReply& reply) const {
    const std::string known = file_.validator_of(remote_.url);
    return !known.empty() && !reply.validator.empty() && reply.validator != known;
  }

  // The next try asks for all of it.
  bool start_over(std::string_view why) {
    say_once(why);
    file_.clear();
    starts_over_ = true;
    return false;
  }

  void say_once(std::string_view why) {
    if (!said_) options_.message(fmt::format("{}: {}: starting over", remote_.url, why));
    said_ = true;
  }

  const Remote& remote_;
  PartialFile& file_;
  const DownloadOptions& options_;
  std::uint64_t asked_ = 0;  // the first byte that this try asks for
  std::string problem_;
  bool starts_over_ = false, said_ = false;
};

}  // namespace

void download(const Remote& remote, PartialFile& file, const DownloadOptions& options) {
  Download(remote, file, options).run();
}

}  // namespace drift
