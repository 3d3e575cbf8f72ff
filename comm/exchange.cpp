#include "comm/exchange.h"

#include <algorithm>
#include <utility>

#include "comm/shares.h"
#include "core/check.h"

namespace drift {
namespace {

constexpr int kGathers = 1;  // channel

}  // namespace

Exchange::Exchange(const Team& team, std::shared_ptr<Transport> transport, Reduce reduce)
    : team_(team), transport_(std::move(transport)), reduce_(reduce) {
  DRIFT_ASSERT(transport_->processes() == team_.processes && transport_->process() == team_.process,
               "process {} of {} with the transport of {} of {}", team_.process, team_.processes, transport_->process(),
               transport_->processes());
}

std::span<float> Exchange::shard(std::span<float> values, int process) const {
  const auto n = std::ssize(values);
  const std::int64_t begin = share_begin(n, process, team_.processes);
  const std::int64_t end = share_begin(n, process + 1, team_.processes);
  return values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

// Of one size, so that it is allocated once: not while a step is captured, and not while others wait.
float* Exchange::next_place(Device device) {
  // P - 1 shards of a piece; the last process's may be a line longer.
  const std::size_t room = kPiece + static_cast<std::size_t>(kLineFloats * team_.processes);
  if (places_.data() == nullptr || !(places_.device() == device)) {
    places_ = Storage(device, kScattered * room * sizeof(float), memory());
  }
  return static_cast<float*>(places_.data()) + next_place_++ % kScattered * room;
}

Exchange::Pending Exchange::start(Backend& backend) {
  const bool any = !sends_.empty() || !receives_.empty();
  Pending pending = any ? transport_->start(sends_, receives_, backend.stream()) : nullptr;
  sends_.clear();
  receives_.clear();
  return pending;
}

void Exchange::start_reduce_scatter(Piece& piece, Backend& backend) {
  const std::size_t mine = shard(piece.values, team_.process).size();
  piece.parts = next_place(backend.stream().device());
  for (int turn = 1; turn < team_.processes; ++turn) {
    const std::span<float> theirs = shard(piece.values, receiver(turn));
    if (!theirs.empty()) sends_.push_back({theirs, receiver(turn)});
  }
  float* place = piece.parts;
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) continue;
    if (mine > 0) receives_.push_back({std::span(place, mine), other});
    place += mine;
  }
  piece.pending = start(backend);
}

void Exchange::sum(const Piece& piece, Backend& backend) {
  const std::span<float> mine = shard(piece.values, team_.process);
  if (mine.empty()) return;
  sources_.clear();
  const float* part = piece.parts;
  for (int process = 0; process < team_.processes; ++process) {
    if (process == team_.process) {
      sources_.push_back(mine.data());
    } else {
      sources_.push_back(part);
      part += mine.size();
    }
  }
  float* const target = mine.data();
  backend.average(sources_, std::span(&target, 1), std::ssize(mine), team_.workers);
}

template <class Part>
Exchange::Pending Exchange::start_all_gather(const Part& part, Backend& backend) {
  const std::span<float> mine = part(team_.process);
  for (int turn = 1; turn < team_.processes && !mine.empty(); ++turn) {
    sends_.push_back({mine, receiver(turn), kGathers});
  }
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) continue;
    if (const std::span<float> theirs = part(other); !theirs.empty()) receives_.push_back({theirs, other, kGathers});
  }
  return start(backend);
}

void Exchange::all_gather(std::span<float> values, std::span<const std::size_t> ends, Backend& backend) {
  DRIFT_ASSERT(std::ssize(ends) == team_.processes && ends.back() == values.size(),
               "{} parts that end at {} of {} values, for {} processes", ends.size(), ends.back(), values.size(),
               team_.processes);
  const auto part = [&](int process) {
    const auto q = static_cast<std::size_t>(process);
    const std::size_t begin = q == 0 ? 0 : ends[q - 1];
    return values.subspan(begin, ends[q] - begin);
  };
  if (const Pending gathered = start_all_gather(part, backend)) gathered->wait();
}

void Exchange::mean(std::span<float> sums, Backend& backend) {
  begin_mean(sums, backend);
  while (advance_means(backend)) {
  }
}

void Exchange::begin_mean(std::span<float> sums, Backend& backend) {
  if (reduce_ == Reduce::kFast) {
    if (!sums.empty()) mean_by_library(sums, backend);
    ++means_done_;
    return;
  }
  std::size_t begin = 0;
  do {  // an empty one is a piece, too
    const std::span<float> values = sums.subspan(begin, std::min(kPiece, sums.size() - begin));
    begin += values.size();
    waiting_.push_back({.values = values, .last = begin == sums.size()});
  } while (begin < sums.size());
}

bool Exchange::advance_means(Backend& backend) {
  for (; !waiting_.empty() && scattered_.size() < kScattered; waiting_.pop_front()) {
    scattered_.push_back(std::move(waiting_.front()));
    start_reduce_scatter(scattered_.back(), backend);
  }
  if (!scattered_.empty()) {
    Piece piece = std::move(scattered_.front());
    scattered_.pop_front();
    if (piece.pending) piece.pending->wait();
    sum(piece, backend);
    piece.pending = start_all_gather([&](int process) { return shard(piece.values, process); }, backend);
    gathered_.push_back(std::move(piece));
    return true;
  }
  if (gathered_.empty()) return false;
  if (gathered_.front().pending) gathered_.front().pending->wait();
  if (gathered_.front().last) ++means_done_;
  gathered_.pop_front();
  return true;
}

// Sum before scaling, as in the tree.
void Exchange::mean_by_library(std::span<float> sums, Backend& backend) {
  transport_->start_sum(sums, backend.stream())->wait();
  const float* const source = sums.data();
  float* const target = sums.data();
  backend.average(std::span(&source, 1), std::span(&target, 1), std::ssize(sums), team_.workers);
}

void Exchange::broadcast(std::span<float> values, int root, Backend& backend) {
  if (team_.process == root) {
    for (int other = 0; other < team_.processes; ++other) {
      const std::span<float> theirs = shard(values, other);
      if (other != root && !theirs.empty()) sends_.push_back({theirs, other});
    }
  } else if (const std::span<float> mine = shard(values, team_.process); !mine.empty()) {
    receives_.push_back({mine, root});
  }
  if (const Pending scattered = start(backend)) scattered->wait();
  const auto part = [&](int process) { return shard(values, process); };
  if (const Pending gathered = start_all_gather(part, backend)) gathered->wait();
}

}  // namespace drift
