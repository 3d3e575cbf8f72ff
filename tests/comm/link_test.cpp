// The emulated link: what it understands, its model in numbers, and that a transport behind it brings the same bits
// later.
#include "comm/link.h"

#include <gtest/gtest.h>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

#include "comm/exchange.h"
#include "core/clock.h"
#include "core/stopwatch.h"
#include "tests/comm/loopback.h"
#include "tests/support/error_of.h"

namespace drift {
namespace {

using testing::Loopback;
using testing::Mailboxes;

TEST(LinkOptions, AreARateALatencyAndPerhapsJitter) {
  const auto expect = [](std::string_view text, const LinkOptions& options) {
    const std::optional<LinkOptions> link = parse_link(text);
    ASSERT_TRUE(link) << text;
    EXPECT_DOUBLE_EQ(link->bytes_per_second, options.bytes_per_second) << text;
    EXPECT_DOUBLE_EQ(link->latency_seconds, options.latency_seconds) << text;
    EXPECT_DOUBLE_EQ(link->jitter_seconds, options.jitter_seconds) << text;
  };
  expect("10Gbit,50us", {.bytes_per_second = 1.25e9, .latency_seconds = 50e-6});
  expect("100Mbit,1ms,200us", {.bytes_per_second = 12.5e6, .latency_seconds = 1e-3, .jitter_seconds = 200e-6});
  expect("2.5kbit,0s", {.bytes_per_second = 312.5});
  for (const char* const wrong :
       {"", "10Gbit", "10Gbit,", "10Gbit,50", "10,50us", "10gbit,50us", "0Gbit,50us", "-1Gbit,0s", "1Gbit,-1us",
        "1Gbit,1us,1us,1us", "nanGbit,1us", "infGbit,1us", "1e300Gbit,1us", " 1Gbit,1us", "1Gbit ,1us", "1Gbit,1us,"}) {
    EXPECT_FALSE(parse_link(wrong)) << wrong;
  }
}

TEST(LinkModel, MessagesLeaveOneBehindTheOtherAndTravel) {
  LinkModel link({.bytes_per_second = 100, .latency_seconds = 5}, 0);
  EXPECT_DOUBLE_EQ(link.send(10, 200), 10 + 2 + 5);
  EXPECT_DOUBLE_EQ(link.send(11, 100), 12 + 1 + 5);  // behind the first
  EXPECT_DOUBLE_EQ(link.send(20, 0), 20 + 5);
}

TEST(LinkModel, WhatComesFromSeveralAtOnceComesInOneAfterTheOther) {
  LinkModel link({.bytes_per_second = 100, .latency_seconds = 5}, 0);
  EXPECT_DOUBLE_EQ(link.receive(17, 200), 17);  // its bytes came while they were sent
  EXPECT_DOUBLE_EQ(link.receive(17, 200), 19);
  EXPECT_DOUBLE_EQ(link.receive(30, 200), 30);
}

TEST(LinkModel, TheOrderOfWaitingDoesNotMakeMessagesLate) {
  LinkModel link({.bytes_per_second = 100, .latency_seconds = 5}, 0);
  EXPECT_DOUBLE_EQ(link.receive(17, 200), 17);
  EXPECT_DOUBLE_EQ(link.receive(20, 100), 20);
  EXPECT_DOUBLE_EQ(link.receive(19, 200), 19);  // came in between them
  EXPECT_DOUBLE_EQ(link.receive(18, 100), 21);  // there is no room left before 20
  EXPECT_DOUBLE_EQ(link.receive(14, 100), 14);
}

TEST(LinkModel, JitterIsDrawnByMessageAndProcessTheSameEachTime) {
  const LinkOptions options{.bytes_per_second = 100, .jitter_seconds = 3};
  LinkModel one(options, 0), again(options, 0), other(options, 1);
  double differences = 0;
  for (int message = 0; message < 100; ++message) {
    const double late = one.send(0, 0), same = again.send(0, 0);
    EXPECT_EQ(late, same);
    EXPECT_GE(late, 0);
    EXPECT_LT(late, 3);
    differences += std::abs(late - other.send(0, 0));
  }
  EXPECT_GT(differences, 1);
}

// One thread for each process.
void in_processes(int processes, const std::function<void(int process)>& body) {
  std::vector<std::jthread> threads;
  for (int process = 0; process < processes; ++process) threads.emplace_back(body, process);
}

TEST(Link, BringsTheSameBitsLater) {
  constexpr int kProcesses = 4;
  constexpr std::size_t kFloats = 1000;
  const LinkOptions options{.bytes_per_second = 1e6, .latency_seconds = 2e-3};
  const auto mail = std::make_shared<Mailboxes>(kProcesses), plain_mail = std::make_shared<Mailboxes>(kProcesses);
  in_processes(kProcesses, [&](int process) {
    const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
    const std::unique_ptr<Backend> backend = make_backend(*stream);
    const Team team{.workers = kProcesses, .processes = kProcesses, .process = process};
    std::vector<float> plain(kFloats);
    std::iota(plain.begin(), plain.end(), 0.1f + static_cast<float>(process));
    std::vector<float> linked = plain;
    const auto transport = std::make_shared<Loopback>(plain_mail, process);
    Exchange(team, transport).mean(plain, DType::kFloat32, *backend);
    const auto link = behind_link(std::make_shared<Loopback>(mail, process), options);
    Exchange exchange(team, link);
    const Stopwatch watch;
    exchange.mean(linked, DType::kFloat32, *backend);
    // A reduce-scatter and an all-gather, of three shards of a quarter each.
    EXPECT_GE(watch.seconds(), 2 * (3 * (kFloats / 4) * sizeof(float) / 1e6 + 2e-3) - 1e-3);
    EXPECT_EQ(linked, plain);
    EXPECT_EQ(link->bytes_sent(), transport->bytes_sent());
  });
}

// It would take a day to arrive.
TEST(Link, AWaitEndsWhereTheTransportIsAborted) {
  const auto mail = std::make_shared<Mailboxes>(2);
  const LinkOptions options{.bytes_per_second = 1e-3};
  std::vector<float> values(20, 1.0f);
  const auto sender = behind_link(std::make_shared<Loopback>(mail, 0), options);
  const auto receiver = behind_link(std::make_shared<Loopback>(mail, 1), options);
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  const Transport::Send send{.values = values, .to = 1};
  const Transport::Receive receive{.values = values, .from = 0};
  const auto sent = sender->start({&send, 1}, {}, *stream);
  sent->wait();  // whoever sends goes on at once
  const auto arrival = receiver->start({}, {&receive, 1}, *stream);
  const std::jthread aborts([&] { receiver->abort("process 0 is gone"); });
  const Error error = testing::error_of([&] { arrival->wait(); });
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  EXPECT_EQ(error.message(), "process 0 is gone");
}

TEST(Link, DoesNotStandInFrontOfALibrarysSum) {
  const auto link = behind_link(std::make_shared<Loopback>(std::make_shared<Mailboxes>(2), 0),
                                {.bytes_per_second = 1, .latency_seconds = 0});
  const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
  std::vector<float> values(2);
  const Error error = testing::error_of([&] { link->start_sum(values, *stream); });
  EXPECT_EQ(error.kind(), ErrorKind::kConfig);
  EXPECT_NE(error.message().find("--reduce tree"), std::string::npos) << error.message();
}

}  // namespace
}  // namespace drift
