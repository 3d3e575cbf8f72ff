#include "comm/exchange.h"

#include <utility>

#include "comm/shares.h"
#include "core/check.h"

namespace drift {

Exchange::Exchange(const Team& team, std::shared_ptr<Transport> transport)
    : team_(team), transport_(std::move(transport)) {
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
    parts_ = Storage(device, floats * sizeof(float));
  }
  return static_cast<float*>(parts_.data());
}

void Exchange::run(Backend& backend) {
  if (!sends_.empty() || !receives_.empty()) transport_->start(sends_, receives_, backend.stream())->wait();
  sends_.clear();
  receives_.clear();
}

void Exchange::all_gather(std::span<float> values, Backend& backend) {
  const std::span<float> mine = shard(values, team_.process);
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) continue;
    if (!mine.empty()) sends_.push_back({mine, other});
    if (const std::span<float> theirs = shard(values, other); !theirs.empty()) receives_.push_back({theirs, other});
  }
  run(backend);
}

void Exchange::mean(std::span<float> sums, Backend& backend) {
  const std::span<float> mine = shard(sums, team_.process);
  float* place = parts(backend.stream().device(), mine.size() * static_cast<std::size_t>(team_.processes - 1));
  sources_.clear();
  for (int other = 0; other < team_.processes; ++other) {
    if (other == team_.process) {
      sources_.push_back(mine.data());
      continue;
    }
    if (const std::span<float> theirs = shard(sums, other); !theirs.empty()) sends_.push_back({theirs, other});
    if (!mine.empty()) receives_.push_back({std::span(place, mine.size()), other});
    sources_.push_back(place);
    place += mine.size();
  }
  run(backend);
  if (!mine.empty()) {
    float* const target = mine.data();
    backend.average(sources_, std::span(&target, 1), std::ssize(mine), team_.workers);
  }
  all_gather(sums, backend);
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
  run(backend);
  all_gather(values, backend);
}

}  // namespace drift
