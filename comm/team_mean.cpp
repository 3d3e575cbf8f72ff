#include "comm/team_mean.h"

#include <vector>

namespace drift {

void take_mean(std::span<float* const> replicas, std::int64_t elements, Exchange* exchange, Backend& backend) {
  const std::vector<const float*> sources(replicas.begin(), replicas.end());
  if (exchange == nullptr) return backend.average(sources, replicas, elements);
  if (replicas.size() > 1) backend.average(sources, replicas.first(1), elements, /*divisor=*/1);
  exchange->mean({replicas.front(), static_cast<std::size_t>(elements)}, backend);
  for (float* const other : replicas.subspan(1)) {
    backend.copy({replicas.front(), {elements}}, {other, {elements}});
  }
}

}  // namespace drift
