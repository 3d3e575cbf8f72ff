// Downloads that do not go as they should.
#include "data/fetch/download.h"

#include <algorithm>
#include <gtest/gtest.h>

#include "tests/data/fetch/fetch_support.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using testing::HttpSeen;
using testing::HttpServer;

class Download : public testing::FetchTest {
 protected:
  HttpServer server_{bytes_};
  const std::string path_ = "/set.tar.gz";
};

TEST_F(Download, ABrokenTransferGoesOnWhereItEnded) {
  server_.answer({{.break_after = 1000}, {.break_after = 500}});
  fetch_from(server_, archive_);
  expect_fetched();
  EXPECT_EQ(server_.seen(), (std::vector<HttpSeen>{
                                {path_, "", ""}, {path_, "bytes=1000-", "\"v1\""}, {path_, "bytes=1500-", "\"v1\""}}));
  EXPECT_EQ(waits_, (std::vector<double>{1, 2}));
  EXPECT_TRUE(contains(messages_, "; 1000 of " + std::to_string(bytes_.size()) + " bytes are there")) << messages_;
  EXPECT_TRUE(std::ranges::is_sorted(progress_));
  EXPECT_EQ(progress_.back(), bytes_.size());
}

TEST_F(Download, ALaterCallGoesOn) {
  server_.answer(std::vector<testing::HttpAnswer>(6, {.break_after = 700}));
  const std::string message = error_of_fetch(ErrorKind::kComm, server_, archive_);
  EXPECT_TRUE(contains(message, "given up after 6 tries with 4200 of ")) << message;
  EXPECT_EQ(waits_, (std::vector<double>{1, 2, 4, 8, 16}));
  EXPECT_EQ(fs::file_size(partial()), 4200u);
  EXPECT_FALSE(fs::exists(place()));
  server_.seen();
  fetch_from(server_, archive_);
  expect_fetched();
  EXPECT_EQ(server_.seen(), (std::vector<HttpSeen>{{path_, "bytes=4200-", "\"v1\""}}));
}

// One long file, however often the connection breaks.
TEST_F(Download, TriesThatGetFurtherAreNotCounted) {
  const std::string large = testing::noise(12 * kDownloadStep);
  HttpServer server(large);
  server.answer(std::vector<testing::HttpAnswer>(11, {.break_after = kDownloadStep}));
  PartialFile file(directory_ / "large");
  download({server.url(), large.size()}, file, options());
  EXPECT_EQ(testing::file_text(file.path()), large);
  EXPECT_EQ(std::ranges::max(waits_), 1);
}

TEST_F(Download, AServerWithoutRangesSendsAllAgainAndThatIsSaidOnce) {
  server_.answer({{.break_after = 1000}, {.break_after = 2000, .ranges = false}, {.ranges = false}});
  fetch_from(server_, archive_);
  expect_fetched();
  const std::string said = "the server does not send parts of files: starting over";
  EXPECT_TRUE(contains(messages_, said)) << messages_;
  EXPECT_EQ(messages_.find(said), messages_.rfind(said)) << messages_;
}

// It would never be whole: the tries are counted although each brings more than a step.
TEST_F(Download, AServerWithoutRangesThatAlwaysBreaksIsGivenUp) {
  const std::string large = testing::noise(4 * kDownloadStep);
  HttpServer server(large);
  server.answer(std::vector<testing::HttpAnswer>(20, {.break_after = 2 * kDownloadStep, .ranges = false}));
  PartialFile file(directory_ / "large");
  const std::string message = testing::message_of(ErrorKind::kComm, [&] {
    download({server.url(), large.size()}, file, options());
  });
  EXPECT_TRUE(contains(message, "given up")) << message;
  EXPECT_LE(server.seen().size(), 7u);
}

TEST_F(Download, AFileThatChangedMeanwhileIsBegunAgain) {
  const std::string other(bytes_.size(), '?');
  for (const bool heeds : {true, false}) {
    server_.answer({{.break_after = 1000, .file = other}, {.heeds_if_range = heeds, .etag = "\"v2\""}});
    fetch_from(server_, archive_);
    expect_fetched();
    EXPECT_TRUE(contains(messages_, "the file at the server is another now: starting over")) << messages_;
    fs::remove_all(place());
    messages_.clear();
  }
}

TEST_F(Download, WithoutAnETagTheDateTellsVersionsApart) {
  const std::string date = "Mon, 01 Jan 2024 00:00:00 GMT";
  for (const char* etag : {"", "W/\"v1\""}) {
    server_.answer({{.break_after = 1000, .etag = etag, .last_modified = date}, {.etag = etag, .last_modified = date}});
    fetch_from(server_, archive_);
    EXPECT_EQ(server_.seen().back(), (HttpSeen{path_, "bytes=1000-", date}));
    fs::remove_all(place());
  }
}

// Another server knows nothing of the first one's versions; the checksum says what they are worth together.
TEST_F(Download, AMirrorGoesOnWithoutTheValidatorOfTheFirst) {
  server_.answer(std::vector<testing::HttpAnswer>(6, {.break_after = 100}));
  error_of_fetch(ErrorKind::kComm, server_, archive_);
  HttpServer mirror(bytes_);
  fetch_from(mirror, archive_);
  expect_fetched();
  EXPECT_EQ(mirror.seen(), (std::vector<HttpSeen>{{path_, "bytes=600-", ""}}));
}

TEST_F(Download, ErrorsOfTheServerThatMayPassAreTriedAgain) {
  server_.answer({{.status = 500}, {.status = 503}, {.status = 429}});
  fetch_from(server_, archive_);
  expect_fetched();
  EXPECT_EQ(waits_, (std::vector<double>{1, 2, 4}));
  EXPECT_TRUE(contains(messages_, "HTTP status 503")) << messages_;
}

TEST_F(Download, ErrorsThatStayAreNot) {
  for (const int status : {404, 403, 410}) {
    server_.answer({{.status = status}});
    const std::string message = error_of_fetch(ErrorKind::kComm, server_, archive_);
    EXPECT_TRUE(contains(message, server_.url() + ": the server answers with HTTP status " + std::to_string(status)))
        << message;
  }
  EXPECT_TRUE(waits_.empty());
}

TEST_F(Download, RedirectsAreFollowed) {
  server_.answer({{.status = 302, .location = "/elsewhere"}, {.status = 301, .location = server_.url("/there")}});
  fetch_from(server_, archive_);
  expect_fetched();
  const std::vector<HttpSeen> seen = server_.seen();
  ASSERT_EQ(seen.size(), 3u);
  EXPECT_EQ(seen[1].path, "/elsewhere");
  EXPECT_EQ(seen[2].path, "/there");
}

TEST_F(Download, RedirectsEndAndStayOnTheWeb) {
  server_.answer(std::vector<testing::HttpAnswer>(50, {.status = 302, .location = "/again"}));
  const std::string endless = error_of_fetch(ErrorKind::kComm, server_, archive_);
  EXPECT_TRUE(contains(endless, "redirects")) << endless;
  EXPECT_EQ(server_.seen().size(), 11u);
  testing::set_file_text(directory_ / "local", bytes_);
  for (const std::string& target : {"file://" + (directory_ / "local").string(), std::string("ftp://127.0.0.1/a")}) {
    server_.answer({{.status = 302, .location = target}});
    const std::string message = error_of_fetch(ErrorKind::kComm, server_, archive_);
    EXPECT_TRUE(contains(message, target.substr(0, target.find(':')))) << message;
  }
  EXPECT_TRUE(waits_.empty());
}

TEST_F(Download, NobodyAtTheAddressIsAnErrorOfTheNet) {
  const std::string message = testing::message_of(ErrorKind::kComm, [&] { fetch(archive_, place(), "", options()); });
  EXPECT_TRUE(contains(message, "http://127.0.0.1:1/nowhere: ")) << message;
  EXPECT_EQ(waits_.size(), 5u);
}

TEST_F(Download, AFileOfAnotherSizeIsNotDownloaded) {
  server_.answer({{.file = "<html>welcome</html>"}});
  const std::string message = error_of_fetch(ErrorKind::kData, server_, archive_);
  EXPECT_TRUE(contains(message, "has 20 bytes, and the archive has " + std::to_string(bytes_.size()))) << message;
  EXPECT_TRUE(beside().empty());
  server_.answer({{.file = bytes_ + "more", .says_length = false}});
  EXPECT_TRUE(contains(error_of_fetch(ErrorKind::kData, server_, archive_), "sends more than "));
  EXPECT_LE(fs::file_size(partial()), bytes_.size());
}

TEST_F(Download, AStopLeavesWhatIsThere) {
  server_.answer({{.break_after = 3000}});
  const auto stop_at_first_wait = [&] {
    DownloadOptions stopping = options();
    stopping.wait = [this](double) { stop_ = true; };
    fetch(archive_, place(), server_.url(), stopping);
  };
  const std::string message = testing::message_of(ErrorKind::kStopped, stop_at_first_wait);
  EXPECT_TRUE(contains(message, "stopped with 3000 of ")) << message;
  EXPECT_EQ(fs::file_size(partial()), 3000u);
  stop_ = false;
  fetch_from(server_, archive_);
  expect_fetched();
  EXPECT_EQ(server_.seen().back().range, "bytes=3000-");
}

TEST_F(Download, AStopEndsATransfer) {
  const std::string large = testing::noise(4 * kDownloadStep);
  HttpServer server(large);
  PartialFile file(directory_ / "large");
  DownloadOptions stopping = options();
  stopping.progress = [&](std::uint64_t bytes) { stop_ = bytes > 0; };
  testing::message_of(ErrorKind::kStopped, [&] { download({server.url(), large.size()}, file, stopping); });
  EXPECT_GT(file.size(), 0u);
  EXPECT_LT(file.size(), large.size());
}

TEST_F(Download, OneProcessAtATimeWrites) {
  const PartialFile held(directory_ / "a");
  const std::string message = testing::message_of(ErrorKind::kUsage, [&] { PartialFile(directory_ / "a"); });
  EXPECT_TRUE(contains(message, ".a.partial: another process downloads it")) << message;
}

}  // namespace
}  // namespace drift
