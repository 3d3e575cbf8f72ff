#include "comm/link.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <ranges>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/clock.h"

namespace drift {
namespace {

struct Unit {
  std::string_view name;
  double value;
};

constexpr Unit kRates[] = {{"kbit", 1e3 / 8}, {"Mbit", 1e6 / 8}, {"Gbit", 1e9 / 8}};  // bytes a second
constexpr Unit kTimes[] = {{"us", 1e-6}, {"ms", 1e-3}, {"s", 1}};

// "2.5Gbit"; the first unit that fits.
std::optional<double> parse_quantity(std::string_view text, std::span<const Unit> units) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number >= 0) || number > 1e6) return std::nullopt;
  const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const auto* const unit = std::ranges::find(units, rest, &Unit::name).base();
  return unit == units.data() + units.size() ? std::nullopt : std::optional(number * unit->value);
}

// How a time goes with its message: two floats in front of it.
using Header = std::array<float, 2>;
static_assert(sizeof(Header) == sizeof(double));

class LinkedTransport final : public Transport {
 public:
  LinkedTransport(std::shared_ptr<Transport> inner, const LinkOptions& options)
      : inner_(std::move(inner)), model_(options, inner_->process()) {}

  int process() const override { return inner_->process(); }
  int processes() const override { return inner_->processes(); }
  std::shared_ptr<MemorySource> memory() override { return inner_->memory(); }
  std::int64_t bytes_sent() const override { return inner_->bytes_sent() - header_bytes_; }
  std::string sum_name() const override { return inner_->sum_name(); }
  void barrier() override { inner_->barrier(); }

  std::unique_ptr<Transfer> start(std::span<const Send> sends, std::span<const Receive> receives,
                                  Stream& stream) override {
    auto arrival = std::make_unique<Arrival>(*this, receives, sends.size());
    std::vector<Send> all_sends;
    std::vector<Receive> all_receives;
    for (std::size_t i = 0; i < sends.size(); ++i) {
      const auto bytes = static_cast<std::int64_t>(sends[i].values.size_bytes());
      arrival->departures[i] = std::bit_cast<Header>(model_.send(steady_clock().seconds(), bytes));
      all_sends.push_back({arrival->departures[i], sends[i].to, sends[i].channel});
      all_sends.push_back(sends[i]);
      header_bytes_ += static_cast<std::int64_t>(sizeof(Header));
    }
    for (std::size_t i = 0; i < receives.size(); ++i) {
      all_receives.push_back({arrival->arrivals[i], receives[i].from, receives[i].channel});
      all_receives.push_back(receives[i]);
    }
    arrival->inner = inner_->start(all_sends, all_receives, stream);
    return arrival;
  }

  std::unique_ptr<Transfer> start_sum(std::span<float>, Stream&) override {
    DRIFT_FAIL(kConfig, "an emulated link cannot see what {} sends: average in the tree (--reduce tree)",
               inner_->sum_name());
  }

  void abort(std::string_view reason) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      if (reason_.empty()) reason_ = reason;
    }
    aborted_.notify_all();
    inner_->abort(reason);
  }

 private:
  struct Arrival final : Transfer {
    Arrival(LinkedTransport& all, std::span<const Receive> messages, std::size_t sends)
        : link(all), receives(messages.begin(), messages.end()), departures(sends), arrivals(messages.size()) {}

    void wait() override {
      inner->wait();
      double complete = 0;
      for (std::size_t i = 0; i < receives.size(); ++i) {
        const auto bytes = static_cast<std::int64_t>(receives[i].values.size_bytes());
        complete = std::max(complete, link.model_.receive(std::bit_cast<double>(arrivals[i]), bytes));
      }
      link.wait_until(complete);
    }

    LinkedTransport& link;
    std::vector<Receive> receives;
    std::vector<Header> departures, arrivals;  // by message: when it has travelled
    std::unique_ptr<Transfer> inner;
  };

  void wait_until(double time) {
    std::unique_lock lock(mutex_);
    const auto due = std::chrono::steady_clock::time_point(
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(time)));
    aborted_.wait_until(lock, due, [&] { return !reason_.empty(); });
    DRIFT_CHECK(kComm, reason_.empty(), "{}", reason_);
  }

  std::shared_ptr<Transport> inner_;
  LinkModel model_;
  std::int64_t header_bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable aborted_;
  std::string reason_;  // "": it was not
};

}  // namespace

std::optional<LinkOptions> parse_link(std::string_view text) {
  std::vector<std::string_view> parts;
  for (const auto part : std::views::split(text, ',')) parts.emplace_back(part.begin(), part.end());
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const auto rate = parse_quantity(parts[0], kRates), latency = parse_quantity(parts[1], kTimes);
  const auto jitter = parts.size() == 3 ? parse_quantity(parts[2], kTimes) : std::optional(0.0);
  if (!rate || *rate <= 0 || !latency || !jitter) return std::nullopt;
  return LinkOptions{.bytes_per_second = *rate, .latency_seconds = *latency, .jitter_seconds = *jitter};
}

double LinkModel::send(double now, std::int64_t bytes) {
  out_free_ = std::max(now, out_free_) + seconds(bytes);
  return out_free_ + options_.latency_seconds + options_.jitter_seconds * jitter_.uniform(sent_++);
}

double LinkModel::receive(double travelled, std::int64_t bytes) {
  constexpr double kRounding = 1e-9;      // a message of exactly the length of a gap fits into it
  constexpr std::size_t kRemember = 256;  // more than are ever waited for at once
  Interval mine{.begin = travelled - seconds(bytes), .end = travelled};
  auto next = coming_in_.begin();
  for (; next != coming_in_.end() && next->begin < mine.end - kRounding; ++next) {
    if (next->end <= mine.begin + kRounding) continue;
    mine = {.begin = next->end, .end = next->end + seconds(bytes)};
  }
  coming_in_.insert(next, mine);
  if (coming_in_.size() > kRemember) coming_in_.pop_front();
  return mine.end;
}

std::shared_ptr<Transport> behind_link(std::shared_ptr<Transport> transport, const LinkOptions& options) {
  DRIFT_CHECK(kConfig, !transport->only_enqueues(),
              "a link is emulated where the host waits for what arrives, between processes on CPUs: give --device cpu");
  return std::make_shared<LinkedTransport>(std::move(transport), options);
}

}  // namespace drift
