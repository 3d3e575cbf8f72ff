// drift data fetch from outside, against a server that has none of the official archives: exit codes, what is said and
// what is left. That it fetches one, tests/data/fetch/ shows.
#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/apps/program.h"
#include "tests/support/http_server.h"
#include "tests/support/scoped_variables.h"
#include "tests/support/temp_directory.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kOfficialBytes = 170'052'171;

class DataFetch : public ::testing::Test {
 protected:
  std::vector<std::string> arguments() const {
    return {"data", "fetch", "cifar10", (directory_ / "c10").string(), "--url", server_.url()};
  }
  void expect_end(const Outcome& outcome, int exit_code, const std::string& said) const {
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_NE(outcome.err.find(said), std::string::npos) << "'" << said << "' is not in: " << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err.find('\r'), std::string::npos) << "a line that is rewritten, where no terminal is";
  }
  fs::path partial() const { return directory_ / ".c10.tar.gz.partial"; }

  const ScopedVariables no_proxy_{{{"no_proxy", "127.0.0.1"}}};
  const TempDirectory directory_;
  // The beginning of a file that claims to be as long as the official one.
  HttpServer server_{std::string(100'000, '?')};
  const HttpAnswer breaks_{.claimed_length = kOfficialBytes};
};

TEST_F(DataFetch, AnAddressWithoutTheFileEndsWithCodeSix) {
  server_.answer({{.status = 404}});
  expect_end(run_drift(arguments()), 6, "HTTP status 404 (not found): give another place by --url");
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(DataFetch, AnotherFileEndsWithCodeFour) {
  expect_end(run_drift(arguments()), 4, "has 100000 bytes, and the archive has 170052171: this is another file");
  EXPECT_TRUE(fs::is_empty(directory_.path()));
}

TEST_F(DataFetch, AFullDiskEndsWithCodeSeventyFour) {
  server_.answer({breaks_});
  expect_end(run_drift_within({.file_size = 50'000}, arguments()), 74, partial().string() + ": writing failed: ");
}

TEST_F(DataFetch, ASignalLeavesWhatCameAndTheSameCommandGoesOn) {
  server_.answer({breaks_});
  expect_end(run_drift_and_signal(arguments(), "again in 1 s", SIGTERM), 75,
             "stopped with 100000 of 170052171 bytes, which stay: the same command goes on");
  EXPECT_EQ(fs::file_size(partial()), 100'000u);
  server_.seen();
  server_.answer({{.status = 404}});
  EXPECT_EQ(run_drift(arguments()).exit_code, 6);
  EXPECT_EQ(server_.seen(), (std::vector<HttpSeen>{{"/set.tar.gz", "bytes=100000-", "\"v1\""}}));
}

TEST_F(DataFetch, WhatIsThereAndIsSomethingElseEndsWithCodeTwo) {
  fs::create_directories(directory_ / "c10/mine");
  expect_end(run_drift(arguments()), 2, "c10: is there already, and not what `drift data fetch cifar10` made");
  std::vector<std::string> unknown = arguments();
  unknown[2] = "cifar";
  expect_end(run_drift(unknown), 2, "Did you mean 'cifar10'?");
  std::vector<std::string> elsewhere = arguments();
  elsewhere.back() = "ftp://127.0.0.1/a";
  expect_end(run_drift(elsewhere), 2, "--url ftp://127.0.0.1/a: expected the address of the archive");
}

}  // namespace
}  // namespace drift::testing
