// Means of several spans on their way together: each process goes on with them when it can, and none needs the others
// to keep its order of things to do.
#include "comm/exchange.h"

#include <gtest/gtest.h>
#include <memory>
#include <thread>
#include <vector>

#include "tests/comm/loopback.h"

namespace drift {
namespace {

using testing::Loopback;
using testing::Mailboxes;

constexpr int kProcesses = 3;
constexpr std::size_t kPiece = 1 << 18;

TEST(Exchange, MeansOnTheirWayTogetherMayGoOnAtOtherPacesElsewhere) {
  const std::vector<std::size_t> lengths = {5, 0, 3 * kPiece + 7, 1, 1000, kPiece, 40};
  const auto mail = std::make_shared<Mailboxes>(kProcesses);
  std::vector<std::jthread> threads;
  for (int process = 0; process < kProcesses; ++process) {
    threads.emplace_back([&, process] {
      const std::unique_ptr<Stream> stream = make_stream(Device{}, 1);
      const std::unique_ptr<Backend> backend = make_backend(*stream);
      const Team team{.workers = kProcesses, .processes = kProcesses, .process = process};
      Exchange exchange(team, std::make_shared<Loopback>(mail, process));
      std::vector<std::vector<float>> spans;
      for (const std::size_t length : lengths) spans.emplace_back(length, static_cast<float>(3 * process));
      // One begins all at once, one after the other, and one begins the next while it goes on with those before.
      for (std::size_t i = 0; i < spans.size(); ++i) {
        exchange.begin_mean(spans[i], *backend);
        if (process == 1) {
          while (exchange.advance_means(*backend)) {
          }
          EXPECT_EQ(exchange.means_done(), static_cast<std::int64_t>(i + 1));
        }
        if (process == 2) exchange.advance_means(*backend);
      }
      while (exchange.advance_means(*backend)) {
      }
      EXPECT_EQ(exchange.means_done(), std::ssize(lengths));
      for (const std::vector<float>& span : spans) EXPECT_EQ(span, std::vector<float>(span.size(), 3.0f));
    });
  }
}

}  // namespace
}  // namespace drift
