#include "data/plain_batches.h"

#include <algorithm>
#include <numeric>

namespace drift {
namespace {

constexpr std::int64_t kLeftOut = -1;  // the index of an image that the set does not have

}  // namespace

void PlainBatches::begin(std::int64_t number, Batch& batch) const {
  const std::int64_t first = number * size_, count = std::min(size_, dataset().size() - first);
  batch.step = number;
  batch.indices.resize(static_cast<std::size_t>(count));
  std::iota(batch.indices.begin(), batch.indices.end(), first);
  batch.images.resize(static_cast<std::size_t>(count * dataset().image_shape().elements()));
  batch.labels.resize(static_cast<std::size_t>(count));
}

void PlainBatches::read(std::size_t sample, Batch& batch) const {
  std::int64_t& index = batch.indices[sample];
  batch.labels[sample] = dataset().label(index);
  if (!dataset().read_image(index, image_of(sample, batch))) index = kLeftOut;
}

void PlainBatches::end(Batch& batch) const {
  std::size_t kept = 0;
  for (std::size_t sample = 0; sample < batch.indices.size(); ++sample) {
    if (batch.indices[sample] == kLeftOut) continue;
    if (kept != sample) {
      batch.indices[kept] = batch.indices[sample];
      batch.labels[kept] = batch.labels[sample];
      std::ranges::copy(image_of(sample, batch), image_of(kept, batch).begin());
    }
    ++kept;
  }
  batch.indices.resize(kept);
  batch.labels.resize(kept);
  batch.images.resize(kept * static_cast<std::size_t>(dataset().image_shape().elements()));
}

}  // namespace drift
