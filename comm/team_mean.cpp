#include "comm/team_mean.h"

#include <vector>

namespace drift {
namespace {

std::vector<const float*> sources_of(std::span<float* const> replicas) {
  return {replicas.begin(), replicas.end()};
}

}  // namespace

void mean_here(std::span<float* const> replicas, std::int64_t elements, DType wire, Backend& backend) {
  backend.average(sources_of(replicas), replicas, elements, std::ssize(replicas), wire);
}

void sum_into_first(std::span<float* const> replicas, std::int64_t elements, DType wire, Backend& backend) {
  if (replicas.size() > 1) backend.average(sources_of(replicas), replicas.first(1), elements, /*divisor=*/1, wire);
}

void copy_from_first(std::span<float* const> replicas, std::int64_t elements, Backend& backend) {
  for (float* const other : replicas.subspan(1)) {
    backend.copy({replicas.front(), {elements}}, {other, {elements}});
  }
}

}  // namespace drift
