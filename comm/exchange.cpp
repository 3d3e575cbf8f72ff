#include "comm/exchange.h"

#include <algorithm>
#include <utility>

#include "comm/shares.h"
#include "core/check.h"

namespace drift {
namespace {

constexpr int kGathers = 1;  // channel

// The floats that so many bfloat16 values take, in whole lines.
constexpr std::size_t packed_floats(std::size_t values) {
  constexpr auto kLine = static_cast<std::size_t>(kLineFloats);
  return (values / 2 + kLine) / kLine * kLine;
}

TensorView as_floats(std::span<float> values) {
  return {.data = values.data(), .shape = {std::ssize(values)}};
}

}  // namespace

Exchange::Exchange(const Team& team, std::shared_ptr<Transport> transport, Reduce reduce)
    : team_(team), transport_(std::move(transport)), reduce_(reduce) {
  DRIFT_ASSERT(transport_->processes() == team_.processes && transport_->process() == team_.process,
               "process {} of {} with the transport of {} of {}", team_.process, team_.processes, transport_->process(),
               transport_->processes());
  // P - 1 shards of a piece; the last process's may be a line longer, and each begins a line.
  const std::size_t lines = static_cast<std::size_t>(2 * kLineFloats * team_.processes);
  parts_ = {.pieces = kScattered, .floats = kPiece + lines};
  sent_and_received_ = {.pieces = kScattered, .floats = packed_floats(kPiece) + kPiece / 2 + lines};
  unpacked_ = {.pieces = 1, .floats = kPiece + lines};
  means_ = {.pieces = kGathered, .floats = packed_floats(kPiece)};
}

std::span<float> Exchange::shard(std::span<float> values, int process) const {
  const auto n = std::ssize(values);
  const std::int64_t begin = share_begin(n, process, team_.processes);
  const std::int64_t end = share_begin(n, process + 1, team_.processes);
  return values.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

void Exchange::allocate(Places& places, Backend& backend) const {
  const Device device = backend.stream().device();
  if (places.memory.data() != nullptr && places.memory.device() == device) return;
  const std::size_t floats = places.pieces * places.floats;
  places.memory = Storage(device, floats * sizeof(float), memory());
  // A message of bfloat16 may end in half a float.
  backend.fill({.data = places.memory.data(), .shape = {static_cast<std::int64_t>(floats)}}, 0);
}

float* Exchange::next_of(Places& places, Backend& backend) const {
  allocate(places, backend);
  return static_cast<float*>(places.memory.data()) + places.next++ % places.pieces * places.floats;
}

Exchange::Pending Exchange::start(Backend& backend) {
  const bool any = !sends_.empty() || !receives_.empty();
  Pending pending = any ? transport_->start(sends_, receives_, backend.stream()) : nullptr;
  sends_.clear();
  receives_.clear();
  return pending;
}

std::span<float> Exchange::message(const Piece& piece, int process) const {
  const std::span<float> floats = shard(piece.values, process);
  if (!piece.is_packed()) return floats;
  const auto begin = static_cast<std::size_t>(floats.data() - piece.values.data());
  return {piece.packed + begin / 2, (floats.size() + 1) / 2};
}

void Exchange::start_reduce_scatter(Piece& piece, Backend& backend) {
  const std::size_t mine = shard(piece.values, team_.process).size();
  std::size_t length = mine, apart = mine;  // of the parts of the others
  if (piece.is_packed()) {
    for (Places* const later : {&unpacked_, &means_}) allocate(*later, backend);
    piece.packed = next_of(sent_and_received_, backend);
    piece.parts = piece.packed + packed_floats(kPiece);
    length = (mine + 1) / 2, apart = packed_floats(mine);
    if (!piece.values.empty()) backend.cast(as_floats(piece.values), halves(piece));
  } else {
    piece.parts = next_of(parts_, backend);
  }
  for (int turn = 1; turn < team_.processes; ++turn) {
    if (const std::span<float> theirs = message(piece, receiver(turn)); !theirs.empty()) {
      sends_.push_back({theirs, receiver(turn)});
    }
  }
  float* place = piece.parts;
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) continue;
    if (mine > 0) receives_.push_back({std::span(place, length), other});
    place += apart;
  }
  piece.pending = start(backend);
}

float* Exchange::unpacked_parts(const Piece& piece, std::size_t mine, Backend& backend) {
  const auto elements = static_cast<std::int64_t>(mine);
  float *const parts = next_of(unpacked_, backend), *to = parts;
  for (int i = 0; i + 1 < team_.processes; ++i, to += mine) {
    float* const from = piece.parts + static_cast<std::size_t>(i) * packed_floats(mine);
    backend.cast({.data = from, .shape = {elements}, .dtype = DType::kBFloat16}, {.data = to, .shape = {elements}});
  }
  return parts;
}

void Exchange::sum(const Piece& piece, Backend& backend) {
  const std::span<float> mine = shard(piece.values, team_.process);
  if (mine.empty()) return;
  sources_.clear();
  const float* part = piece.is_packed() ? unpacked_parts(piece, mine.size(), backend) : piece.parts;
  for (int process = 0; process < team_.processes; ++process) {
    if (process == team_.process) {
      sources_.push_back(mine.data());
    } else {
      sources_.push_back(part);
      part += mine.size();
    }
  }
  float* const target = mine.data();
  backend.average(sources_, std::span(&target, 1), std::ssize(mine), team_.workers, piece.wire);
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

void Exchange::mean(std::span<float> sums, DType wire, Backend& backend) {
  begin_mean(sums, wire, backend);
  while (advance_means(backend)) {
  }
}

void Exchange::begin_mean(std::span<float> sums, DType wire, Backend& backend) {
  if (reduce_ == Reduce::kFast) {
    DRIFT_ASSERT(wire == DType::kFloat32, "the transport's library sums floats");
    if (!sums.empty()) mean_by_library(sums, backend);
    ++means_done_;
    return;
  }
  std::size_t begin = 0;
  do {  // an empty one is a piece, too
    const std::span<float> values = sums.subspan(begin, std::min(kPiece, sums.size() - begin));
    begin += values.size();
    waiting_.push_back({.values = values, .wire = wire, .last = begin == sums.size()});
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
    if (piece.is_packed()) pack_mean(piece, backend);
    piece.pending = start_all_gather([&](int process) { return message(piece, process); }, backend);
    gathered_.push_back(std::move(piece));
    return true;
  }
  if (gathered_.empty()) return false;
  finish_oldest(backend);
  return true;
}

// Of the pieces that others still send means of, it takes the place of the oldest.
void Exchange::pack_mean(Piece& piece, Backend& backend) {
  while (gathered_.size() >= kGathered) finish_oldest(backend);
  piece.packed = next_of(means_, backend);
  const std::span<float> mine = shard(piece.values, team_.process), packed = message(piece, team_.process);
  if (mine.empty()) return;
  backend.cast(as_floats(mine), {.data = packed.data(), .shape = {std::ssize(mine)}, .dtype = DType::kBFloat16});
}

void Exchange::finish_oldest(Backend& backend) {
  const Piece& piece = gathered_.front();
  if (piece.pending) piece.pending->wait();
  if (piece.is_packed() && !piece.values.empty()) backend.cast(halves(piece), as_floats(piece.values));
  if (piece.last) ++means_done_;
  gathered_.pop_front();
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
