#include "train/step/evaluate.h"

#include <algorithm>
#include <vector>

#include "core/check.h"
#include "core/rng.h"
#include "train/step/batch_loss.h"

namespace drift {
namespace {

// Images [first, first + labels.size()) as they are, in buffers that keep their size from batch to batch.
void read_plain(const Dataset& dataset, std::int64_t first, Batch& batch) {
  const auto bytes = static_cast<std::size_t>(dataset.image_shape().elements());
  for (std::size_t i = 0; i < batch.labels.size(); ++i) {
    const std::int64_t index = first + static_cast<std::int64_t>(i);
    dataset.read_image(index, std::span(batch.images).subspan(i * bytes, bytes));
    batch.labels[i] = dataset.label(index);
  }
}

}  // namespace

Evaluation evaluate(const Model& model, const Dataset& dataset, const Normalisation& normalisation, DType precision,
                    std::int64_t batch, Backend& backend, MemoryPool& pool) {
  DRIFT_CHECK(kConfig, batch > 0, "--eval-batch must be at least 1, got {}", batch);
  const Span span(backend, "evaluate");
  Evaluation total{.total = dataset.size()};
  BatchMemory memory(backend.stream().device(), dataset.image_shape(), std::min(batch, dataset.size()));
  Batch host;
  for (std::int64_t first = 0; first < dataset.size(); first += batch) {
    const std::int64_t n = std::min(batch, dataset.size() - first);
    host.labels.resize(static_cast<std::size_t>(n));
    host.images.resize(static_cast<std::size_t>(n * dataset.image_shape().elements()));
    read_plain(dataset, first, host);
    Tape tape(backend, pool, precision, kInference);
    const DeviceBatch on_device = memory.upload(host, backend);
    const BatchResult result = read_result(forward_backward(tape, model, on_device, normalisation), backend);
    total.correct += result.correct;
    total.correct_top5 += result.correct_top5;
    total.loss += result.loss * static_cast<double>(n);
  }
  if (total.total > 0) total.loss /= static_cast<double>(total.total);
  return total;
}

void reestimate_batch_norm(const Model& model, const Dataset& dataset, const Normalisation& normalisation,
                           const TrainConfig& config, Step step, Backend& backend, MemoryPool& pool,
                           const ResidentImages* images) {
  if (model.parameters.buffers().empty()) return;
  const std::int64_t batches = config.sync.scope.bn_batches;
  DRIFT_CHECK(kConfig, batches > 0, "--bn-stats reestimate:N needs N >= 1 training batches, got {}", batches);
  const Span span(backend, "re-estimate batch norm");
  const Rng rng(config.seed, stream_id(Purpose::kBatchNorm));
  const auto draw = static_cast<std::uint64_t>(step);
  const Sampler sampler({.sampling = Sampling::kWithoutReplacement,
                         .seed = (std::uint64_t{rng.bits(2 * draw)} << 32) | rng.bits(2 * draw + 1),
                         .dataset_size = dataset.size(),
                         .workers = 1,
                         .local_batch = config.sync.local_batch});
  const LoaderConfig loading{.augmentation = config.data.augmentation, .images = images == nullptr};
  BatchMemory memory(backend.stream().device(), dataset.image_shape(), config.sync.local_batch, images);
  Batch host;
  for (std::int64_t i = 0; i < batches; ++i) {
    prepare_batch(dataset, sampler, loading, i, host);
    Tape tape(backend, pool, config.machine.precision, kBatchStatistics);
    tape.batch_norm_momentum = 1.0f / static_cast<float>(1 + i);
    forward_logits(tape, model, memory.upload(host, backend), normalisation);
  }
}

}  // namespace drift
