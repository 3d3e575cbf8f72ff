// A data set of two files and its archive, as a server on the loopback device has it, and a download of it that takes
// no time.
#pragma once

#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/fetch/fetch.h"
#include "data/fetch/md5.h"
#include "tests/data/data_support.h"
#include "tests/support/file_damage.h"
#include "tests/support/http_server.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/tar_archive.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {

inline std::string md5_of(std::string_view text) {
  RunningMd5 sum;
  sum.add(std::as_bytes(std::span(text)));
  return sum.digits();
}

// Bytes that gzip does not make fewer.
inline std::string noise(std::size_t bytes) {
  std::string text;
  for (std::uint32_t x = 1; text.size() < bytes;) text += static_cast<char>((x = 1664525 * x + 1013904223) >> 24);
  return text;
}

class FetchTest : public ::testing::Test {
 protected:
  std::vector<TarEntry> good_entries() const {
    return {{"set/", "", '5'}, {"set/images.bin", images_}, {"set/readme.html", "?"}, {"set/names.txt", "a\nb\n"}};
  }
  RemoteArchive described(const std::string& bytes) const {
    return {.name = "set",
            .title = "SET",
            .url = "http://127.0.0.1:1/nowhere",
            .bytes = bytes.size(),
            .md5 = md5_of(bytes),
            .folder = "set",
            .files = {{"images.bin", images_.size()}, {"names.txt", 100, /*up_to=*/true}}};
  }
  DownloadOptions options() {
    return {.stop = stop_,
            .wait = [this](double seconds) { waits_.push_back(seconds); },
            .progress = [this](std::uint64_t bytes) { progress_.push_back(bytes); },
            .message = [this](const std::string& text) { messages_ += text + "\n"; }};
  }
  Fetched fetch_from(const HttpServer& server, const RemoteArchive& archive) {
    return fetch(archive, place(), server.url(), options());
  }
  std::string error_of_fetch(ErrorKind kind, const HttpServer& server, const RemoteArchive& archive) {
    return message_of(kind, [&] { fetch_from(server, archive); });
  }
  std::filesystem::path place() const { return directory_ / "made/set"; }
  std::filesystem::path partial() const { return directory_ / "made/.set.tar.gz.partial"; }
  // Names of what lies where the set is to be.
  std::vector<std::string> beside() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "made")) {
      names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  void expect_fetched() const {
    EXPECT_EQ(file_text(place() / "images.bin"), images_);
    EXPECT_EQ(file_text(place() / "names.txt"), "a\nb\n");
    EXPECT_FALSE(std::filesystem::exists(place() / "readme.html"));
    EXPECT_EQ(beside(), std::vector<std::string>{"set"});
  }

  const ScopedVariables no_proxy_{{{"no_proxy", "127.0.0.1"}}};
  const TempDirectory directory_;
  const std::string images_ = noise(20'000);
  const std::string bytes_ = tar_gz_of(good_entries());
  const RemoteArchive archive_ = described(bytes_);
  std::atomic<bool> stop_ = false;
  std::vector<double> waits_;
  std::vector<std::uint64_t> progress_;
  std::string messages_;
};

}  // namespace drift::testing
