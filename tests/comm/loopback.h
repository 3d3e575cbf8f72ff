// The processes of a team as threads of one program, so that what they do together can be tested without a launcher:
// a Loopback for each, over one set of mailboxes.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "comm/collective.h"
#include "comm/transport.h"
#include "core/check.h"

namespace drift::testing {

class Mailboxes {
 public:
  explicit Mailboxes(int processes) : processes_(processes) {}

  int processes() const { return processes_; }
  void put(int from, int to, std::span<const float> values, int channel = 0) {
    const std::lock_guard lock(mutex_);
    boxes_[{from, to, channel}].emplace_back(values.begin(), values.end());
    changed_.notify_all();
  }
  // Waits for the next message. Throws kComm once the receiver was aborted.
  std::vector<float> take(int from, int to, int channel = 0) {
    std::unique_lock lock(mutex_);
    std::deque<std::vector<float>>& box = boxes_[{from, to, channel}];
    changed_.wait(lock, [&] { return !box.empty() || reasons_.contains(to); });
    DRIFT_CHECK(kComm, !reasons_.contains(to), "{}", reasons_.at(to));
    std::vector<float> message = std::move(box.front());
    box.pop_front();
    return message;
  }
  // As it is between real processes, the others do not learn of it.
  void abort(int process, std::string_view reason) {
    const std::lock_guard lock(mutex_);
    reasons_.emplace(process, reason);
    changed_.notify_all();
  }

 private:
  int processes_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::tuple<int, int, int>, std::deque<std::vector<float>>> boxes_;  // by sender, receiver and channel
  std::map<int, std::string> reasons_;                                         // of processes that were aborted
};

class Loopback final : public Transport {
 public:
  Loopback(std::shared_ptr<Mailboxes> mail, int process) : mail_(std::move(mail)), process_(process) {}

  int process() const override { return process_; }
  int processes() const override { return mail_->processes(); }
  std::int64_t bytes_sent() const override { return bytes_sent_; }

  std::unique_ptr<Transfer> start(std::span<const Send> sends, std::span<const Receive> receives, Stream&) override {
    for (const Send& one : sends) {
      EXPECT_FALSE(one.values.empty());
      mail_->put(process_, one.to, one.values, one.channel);
      bytes_sent_ += static_cast<std::int64_t>(one.values.size_bytes());
    }
    return std::make_unique<Arrival>(*mail_, process_, std::vector<Receive>(receives.begin(), receives.end()));
  }
  // From the last process to the first: not the tree's order.
  std::unique_ptr<Transfer> start_sum(std::span<float> values, Stream&) override {
    for (int other = 0; other < processes(); ++other) mail_->put(process_, other, values);
    bytes_sent_ += bytes_on_wire(Collective::kAllReduceMean, std::ssize(values), processes());
    return std::make_unique<Sum>(*mail_, process_, values);
  }
  std::string sum_name() const override { return "a sum of threads"; }
  void barrier() override {
    for (int other = 0; other < processes(); ++other) mail_->put(process_, other, {});
    for (int other = 0; other < processes(); ++other) mail_->take(other, process_);
  }
  void abort(std::string_view reason) noexcept override { mail_->abort(process_, reason); }

 private:
  class Arrival final : public Transfer {
   public:
    Arrival(Mailboxes& mail, int process, std::vector<Receive> receives)
        : mail_(mail), process_(process), receives_(std::move(receives)) {}
    void wait() override {
      for (const Receive& one : receives_) {
        const std::vector<float> message = mail_.take(one.from, process_, one.channel);
        ASSERT_EQ(message.size(), one.values.size()) << "from process " << one.from;
        std::copy(message.begin(), message.end(), one.values.begin());
      }
    }

   private:
    Mailboxes& mail_;
    int process_;
    std::vector<Receive> receives_;
  };

  class Sum final : public Transfer {
   public:
    Sum(Mailboxes& mail, int process, std::span<float> values) : mail_(mail), process_(process), values_(values) {}
    void wait() override {
      std::ranges::fill(values_, 0.0f);
      for (int other = mail_.processes() - 1; other >= 0; --other) {
        const std::vector<float> message = mail_.take(other, process_);
        ASSERT_EQ(message.size(), values_.size()) << "from process " << other;
        std::ranges::transform(values_, message, values_.begin(), std::plus());
      }
    }

   private:
    Mailboxes& mail_;
    int process_;
    std::span<float> values_;
  };

  std::shared_ptr<Mailboxes> mail_;
  int process_;
  std::int64_t bytes_sent_ = 0;
};

}  // namespace drift::testing
