// Means of several spans on their way together: each process goes on with them when it can, and none needs the others
// to keep its order of things to do.
#include "comm/exchange.h"

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/comm/loopback.h"

namespace drift {
namespace {

using testing::Loopback;
using testing::Mailboxes;

constexpr int kProcesses = 3;
constexpr std::size_t kPiece = Exchange::kPiece;

// What each of so many processes does, of a worker each.
void in_each(int processes, const std::function<void(const Team& team, Backend& backend)>& body) {
  std::vector<std::jthread> threads;
  for (int process = 0; process < processes; ++process) {
    threads.emplace_back([&, process] {
      const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
      const std::unique_ptr<Backend> backend = make_backend(*stream);
      body({.workers = processes, .processes = processes, .process = process}, *backend);
    });
  }
}

TEST(Exchange, MeansOnTheirWayTogetherMayGoOnAtOtherPacesElsewhere) {
  // As bfloat16 more pieces than there are places for.
  const std::vector<std::size_t> lengths = {5, 0, 3 * kPiece + 7, 1, 1000, kPiece, (Exchange::kGathered + 3) * kPiece,
                                            40};
  const auto wire_of = [](std::size_t i) { return i % 2 == 0 ? DType::kBFloat16 : DType::kFloat32; };
  const auto mail = std::make_shared<Mailboxes>(kProcesses);
  in_each(kProcesses, [&](const Team& team, Backend& backend) {
    Exchange exchange(team, std::make_shared<Loopback>(mail, team.process));
    std::vector<std::vector<float>> spans;
    for (const std::size_t length : lengths) {
      spans.emplace_back();
      for (std::size_t i = 0; i < length; ++i)
        spans.back().push_back(static_cast<float>(i % 64 + 3 * static_cast<std::size_t>(team.process)));
    }
    // One begins all at once, one after the other, and one begins the next while it goes on with those before.
    for (std::size_t i = 0; i < spans.size(); ++i) {
      exchange.begin_mean(spans[i], wire_of(i), backend);
      if (team.process == 1) {
        while (exchange.advance_means(backend)) {
        }
        EXPECT_EQ(exchange.means_done(), static_cast<std::int64_t>(i + 1));
      }
      if (team.process == 2) exchange.advance_means(backend);
    }
    while (exchange.advance_means(backend)) {
    }
    EXPECT_EQ(exchange.means_done(), std::ssize(lengths));
    for (const std::vector<float>& span : spans) {
      for (std::size_t i = 0; i < span.size(); ++i) ASSERT_FLOAT_EQ(span[i], static_cast<float>(i % 64 + 3)) << i;
    }
  });
}

// Says to whom its process sends, in order.
class Noted final : public Transport {
 public:
  Noted(std::shared_ptr<Transport> inner, std::vector<int>& receivers)
      : inner_(std::move(inner)), receivers_(receivers) {}

  int process() const override { return inner_->process(); }
  int processes() const override { return inner_->processes(); }
  std::unique_ptr<Transfer> start(std::span<const Send> sends, std::span<const Receive> receives,
                                  Stream& stream) override {
    for (const Send& send : sends) receivers_.push_back(send.to);
    return inner_->start(sends, receives, stream);
  }
  std::unique_ptr<Transfer> start_sum(std::span<float> values, Stream& stream) override {
    return inner_->start_sum(values, stream);
  }
  std::string sum_name() const override { return inner_->sum_name(); }
  void barrier() override { inner_->barrier(); }
  void abort(std::string_view reason) noexcept override { inner_->abort(reason); }
  std::int64_t bytes_sent() const override { return inner_->bytes_sent(); }

 private:
  std::shared_ptr<Transport> inner_;
  std::vector<int>& receivers_;
};

// Or the link of the first process would have to bring what all the others sent first.
TEST(Exchange, NoTwoProcessesSendToTheSameAtTheSameTurn) {
  constexpr int kMany = 5;
  const auto mail = std::make_shared<Mailboxes>(kMany);
  std::vector<std::vector<int>> receivers(kMany);
  in_each(kMany, [&](const Team& team, Backend& backend) {
    auto& mine = receivers[static_cast<std::size_t>(team.process)];
    Exchange exchange(team, std::make_shared<Noted>(std::make_shared<Loopback>(mail, team.process), mine));
    std::vector<float> values(1000, static_cast<float>(team.process));
    exchange.mean(values, DType::kFloat32, backend);
    EXPECT_EQ(values, std::vector<float>(1000, 2.0f));
  });
  for (std::size_t turn = 0; turn < 2 * (kMany - 1); ++turn) {  // parts, then the mean
    std::set<int> at_once;
    for (const std::vector<int>& all : receivers) at_once.insert(all.at(turn));
    EXPECT_EQ(at_once.size(), kMany) << "turn " << turn;
  }
}

}  // namespace
}  // namespace drift
