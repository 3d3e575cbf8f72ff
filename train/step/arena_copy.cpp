#include "train/step/arena_copy.h"

#include <algorithm>

#include "core/check.h"
#include "engine/parameter_set.h"

namespace drift {

// Backend::average writes to every replica it reads, so a piece of each is copied aside first; pieces keep K copies
// small.
void average_into(std::span<const std::span<float>> sources, std::span<float> target, Backend& backend) {
  constexpr std::size_t kPiece = 1 << 16;
  const std::size_t piece = std::min(kPiece, target.size());
  const Storage scratch(backend.stream().device(), sources.size() * piece * sizeof(float));
  std::vector<float*> replicas(sources.size());
  for (std::size_t k = 0; k < sources.size(); ++k) {
    DRIFT_ASSERT(sources[k].size() == target.size(), "replica {} has {} floats, the average {}", k, sources[k].size(),
                 target.size());
    replicas[k] = static_cast<float*>(scratch.data()) + k * piece;
  }
  for (std::size_t first = 0; first < target.size(); first += piece) {
    const std::size_t n = std::min(piece, target.size() - first);
    for (std::size_t k = 0; k < sources.size(); ++k) {
      backend.copy(as_tensor(sources[k].subspan(first, n)), as_tensor({replicas[k], n}));
    }
    backend.average(replicas, static_cast<std::int64_t>(n));
    backend.copy(as_tensor({replicas[0], n}), as_tensor(target.subspan(first, n)));
  }
  backend.stream().synchronize();  // the scratch memory goes away
}

}  // namespace drift
