#include "comm/collective_barrier.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace drift {
namespace {

std::string describe(const CollectiveBarrier::Request& request) {
  switch (request.call) {
    case Collective::kAllReduceMean:
      return fmt::format("all_reduce_mean of {} floats", request.elements);
    case Collective::kBroadcast:
      return fmt::format("broadcast of {} floats from worker {}", request.elements, request.root);
    case Collective::kBarrier:
      break;
  }
  return "barrier";
}

// "worker 0, 2: barrier; worker 1: all_reduce_mean of 7 floats"
std::string describe_by_worker(const Team& team, const std::vector<CollectiveBarrier::Request>& requests) {
  std::vector<std::pair<std::string, std::string>> groups;  // what is asked for, by whom; in order of the first worker
  for (std::size_t place = 0; place < requests.size(); ++place) {
    const std::string asked = describe(requests[place]);
    const int worker = team.first_worker() + static_cast<int>(place);
    auto group = groups.begin();
    while (group != groups.end() && group->first != asked) ++group;
    if (group == groups.end()) {
      groups.emplace_back(asked, fmt::format("worker {}", worker));
    } else {
      group->second += fmt::format(", {}", worker);
    }
  }
  std::string text;
  for (const auto& [asked, workers] : groups) text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", workers, asked);
  return text;
}

bool same(const CollectiveBarrier::Request& a, const CollectiveBarrier::Request& b) {
  return a.call == b.call && a.elements == b.elements && a.root == b.root;
}

// What is wrong with the requests of all workers; nothing in most cases.
std::optional<std::string> disagreement(const Team& team, const std::vector<CollectiveBarrier::Request>& requests) {
  const CollectiveBarrier::Request& first = requests.front();
  if (!std::all_of(requests.begin(), requests.end(), [&](const auto& request) { return same(first, request); })) {
    return fmt::format("the workers ask for different things ({}); all must make the same calls in the same order",
                       describe_by_worker(team, requests));
  }
  if (first.root < 0 || first.root >= team.workers) {
    return fmt::format("there is no worker {}, only 0 to {}", first.root, team.workers - 1);
  }
  return std::nullopt;
}

}  // namespace

CollectiveBarrier::CollectiveBarrier(const Team& team)
    : team_(team), requests_(static_cast<std::size_t>(team.local_workers())) {}

void CollectiveBarrier::agree(int place, const Request& request) {
  std::unique_lock lock(mutex_);
  const std::uint64_t pass = passes_;
  if (!failed_pass_) {
    requests_[static_cast<std::size_t>(place)] = request;
    if (++arrived_ == team_.local_workers()) {
      std::optional<std::string> reason = disagreement(team_, requests_);
      reason ? set_failed(*std::move(reason)) : complete();
    } else {
      changed_.wait(lock, [&] { return passes_ != pass || failed_pass_; });
    }
  }
  DRIFT_CHECK(kComm, !failed_pass_ || *failed_pass_ > pass, "worker {} of {}, {}: {}", team_.first_worker() + place,
              team_.workers, describe(request), reason_);
}

std::optional<std::string> CollectiveBarrier::leave() {
  std::unique_lock lock(mutex_);
  const std::uint64_t pass = passes_;
  if (++arrived_ == team_.local_workers()) {
    complete();
  } else {
    changed_.wait(lock, [&] { return passes_ != pass; });
  }
  if (failed_pass_ && *failed_pass_ <= pass) return reason_;
  return std::nullopt;
}

void CollectiveBarrier::fail(std::string reason) noexcept {
  const std::lock_guard lock(mutex_);
  set_failed(std::move(reason));
}

void CollectiveBarrier::complete() {
  arrived_ = 0;
  ++passes_;
  changed_.notify_all();
}

void CollectiveBarrier::set_failed(std::string reason) noexcept {
  if (failed_pass_) return;
  failed_pass_ = passes_;
  reason_ = std::move(reason);
  changed_.notify_all();
}

}  // namespace drift
