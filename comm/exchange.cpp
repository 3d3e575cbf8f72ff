#include "comm/exchange.h"

#include <algorithm>
#include <utility>

#include "comm/shares.h"
#include "core/check.h"

namespace drift {
namespace {

constexpr std::size_t kPiece = 1 << 18;  // floats: 1 MiB

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

float* Exchange::parts(Device device, std::size_t floats) {
  if (parts_.bytes() < floats * sizeof(float) || !(parts_.device() == device)) {
    parts_ = Storage(device, floats * sizeof(float), memory());
  }
  return static_cast<float*>(parts_.data());
}

Exchange::Pending Exchange::start(Backend& backend) {
  const bool any = !sends_.empty() || !receives_.empty();
  Pending pending = any ? transport_->start(sends_, receives_, backend.stream()) : nullptr;
  sends_.clear();
  receives_.clear();
  return pending;
}

Exchange::Pending Exchange::start_reduce_scatter(std::span<float> piece, float* parts, Backend& backend) {
  const std::size_t mine = shard(piece, team_.process).size();
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) continue;
    if (const std::span<float> theirs = shard(piece, other); !theirs.empty()) sends_.push_back({theirs, other});
    if (mine > 0) receives_.push_back({std::span(parts, mine), other});
    parts += mine;
  }
  return start(backend);
}

void Exchange::sum(std::span<float> piece, const float* parts, Backend& backend) {
  const std::span<float> mine = shard(piece, team_.process);
  if (mine.empty()) return;
  sources_.clear();
  for (int process = 0; process < team_.processes; ++process) {
    if (process == team_.process) {
      sources_.push_back(mine.data());
    } else {
      sources_.push_back(parts);
      parts += mine.size();
    }
  }
  float* const target = mine.data();
  backend.average(sources_, std::span(&target, 1), std::ssize(mine), team_.workers);
}

template <class Part>
Exchange::Pending Exchange::start_all_gather(const Part& part, Backend& backend) {
  const std::span<float> mine = part(team_.process);
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) continue;
    if (!mine.empty()) sends_.push_back({mine, other});
    if (const std::span<float> theirs = part(other); !theirs.empty()) receives_.push_back({theirs, other});
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
  if (sums.empty()) return;
  reduce_ == Reduce::kTree ? mean_in_tree(sums, backend) : mean_by_library(sums, backend);
}

// Sum before scaling, as in the tree.
void Exchange::mean_by_library(std::span<float> sums, Backend& backend) {
  transport_->start_sum(sums, backend.stream())->wait();
  const float* const source = sums.data();
  float* const target = sums.data();
  backend.average(std::span(&source, 1), std::span(&target, 1), std::ssize(sums), team_.workers);
}

void Exchange::mean_in_tree(std::span<float> sums, Backend& backend) {
  const auto piece = [&](std::size_t i) {
    return sums.subspan(i * kPiece, std::min(kPiece, sums.size() - i * kPiece));
  };
  const std::size_t pieces = (sums.size() + kPiece - 1) / kPiece;
  // P - 1 shards of a piece; the last process's may be a line longer.
  const std::size_t room = std::min(kPiece, sums.size()) + static_cast<std::size_t>(kLineFloats * team_.processes);
  float* const places = parts(backend.stream().device(), 2 * room);
  const auto place = [&](std::size_t i) { return places + (i % 2) * room; };
  Pending scattered = start_reduce_scatter(piece(0), place(0), backend);
  std::vector<Pending> gathered;
  for (std::size_t i = 0; i < pieces; ++i) {
    Pending next = i + 1 < pieces ? start_reduce_scatter(piece(i + 1), place(i + 1), backend) : nullptr;
    if (scattered) scattered->wait();
    sum(piece(i), place(i), backend);
    gathered.push_back(start_all_gather([&](int process) { return shard(piece(i), process); }, backend));
    scattered = std::move(next);
  }
  for (const Pending& one : gathered) {
    if (one) one->wait();
  }
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
