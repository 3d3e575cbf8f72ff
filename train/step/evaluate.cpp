#include "train/step/evaluate.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <vector>

#include "core/check.h"
#include "core/rng.h"
#include "data/loader.h"
#include "data/plain_batches.h"
#include "train/step/batch_loss.h"
#include "train/step/device_floats.h"

namespace drift {
namespace {

// Of a batch, without the images that the data set leaves out.
struct BatchScore {
  BatchResult result;
  std::int64_t images = 0;
};

// This process among those that share the work.
struct Share {
  int process = 0, processes = 1;
};
Share share_of(const Exchange* others) {
  return others == nullptr ? Share{} : Share{others->process(), others->processes()};
}

// Where the batches of each process end.
std::vector<std::int64_t> ends_of(std::int64_t batches, int processes) {
  std::vector<std::int64_t> ends;
  for (int process = 0; process < processes; ++process) ends.push_back(batches * (process + 1) / processes);
  return ends;
}

// Process q has the results before ends[q]; afterwards all have all.
void gather(std::vector<BatchScore>& scores, std::span<const std::int64_t> ends, Exchange& others, Backend& backend) {
  static_assert(std::is_trivially_copyable_v<BatchScore> && sizeof(BatchScore) % sizeof(float) == 0);
  constexpr std::size_t kFloats = sizeof(BatchScore) / sizeof(float);  // that are moved as they are
  if (scores.empty()) return;
  const DeviceFloats moved(scores.size() * kFloats, backend, &others);
  std::vector<std::size_t> float_ends;
  for (const std::int64_t end : ends) float_ends.push_back(static_cast<std::size_t>(end) * kFloats);
  backend.upload(scores.data(), as_tensor(moved.values()));
  others.all_gather(moved.values(), float_ends, backend);
  backend.download(as_tensor(moved.values()), scores.data());
}

}  // namespace

Evaluation evaluate(const Model& model, const Dataset& dataset, const Normalisation& normalisation, DType precision,
                    std::int64_t batch, Backend& backend, MemoryPool& pool, LoaderPool& loading, Exchange* others,
                    const std::atomic<bool>& stop) {
  DRIFT_CHECK(kConfig, batch > 0, "--eval-batch must be at least 1, got {}", batch);
  const Span span(backend, "evaluate");
  const PlainBatches batches(dataset, batch);
  std::vector<BatchScore> scores(static_cast<std::size_t>(batches.count()));
  const Share share = share_of(others);
  const std::vector<std::int64_t> ends = ends_of(std::ssize(scores), share.processes);
  const auto process = static_cast<std::size_t>(share.process);
  BatchMemory memory(backend.stream().device(), dataset.image_shape(), std::min(batch, dataset.size()));
  StopVote vote(stop, backend, others);
  const std::int64_t first = process == 0 ? 0 : ends[process - 1];
  BatchesAhead ahead(batches, loading, first, /*stride=*/1, ends[process]);
  // As often in all processes, of which some have a batch less.
  for (std::int64_t turn = 0; turn * share.processes < std::ssize(scores); ++turn) {
    vote.take();
    const std::int64_t i = first + turn;
    if (i >= ends[process]) continue;
    const Batch& host = ahead.next();
    if (host.labels.empty()) continue;
    Tape tape(backend, pool, precision, kInference);
    const DeviceBatch on_device = memory.upload(host, backend);
    scores[static_cast<std::size_t>(i)] = {
        .result = read_result(forward_backward(tape, model, on_device, normalisation), backend),
        .images = std::ssize(host.labels)};
  }
  if (others != nullptr) gather(scores, ends, *others, backend);
  Evaluation total;
  for (const auto& [result, images] : scores) {
    total.total += images;
    total.correct += result.correct;
    total.correct_top5 += result.correct_top5;
    total.loss += result.loss * static_cast<double>(images);
  }
  DRIFT_CHECK(kData, total.total > 0 || dataset.size() == 0, "none of {} images can be decoded", dataset.size());
  if (total.total > 0) total.loss /= static_cast<double>(total.total);
  return total;
}

void reestimate_batch_norm(const Model& model, const Dataset& dataset, const Normalisation& normalisation,
                           const TrainConfig& config, Step step, Backend& backend, MemoryPool& pool,
                           LoaderPool& loading, const ResidentImages* images, Exchange* others,
                           const std::atomic<bool>& stop) {
  const std::span<float> buffers = model.parameters.buffers();
  if (buffers.empty()) return;
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
  const TrainingBatches maker(dataset, sampler,
                              {.augmentation = config.data.augmentation, .images = images == nullptr});
  BatchMemory memory(backend.stream().device(), dataset.image_shape(), config.sync.local_batch, images);
  // As many batches at a time as there are processes, one for each.
  const auto [process, processes] = share_of(others);
  BatchesAhead ahead(maker, loading, process, processes, batches);
  // The statistics of the next batch alone, in the model's buffers.
  const auto look_at_next = [&] {
    Tape tape(backend, pool, config.machine.precision, kBatchStatistics);
    tape.batch_norm_momentum = 1;
    backend.fill(as_tensor(buffers), 0);
    forward_logits(tape, model, memory.upload(ahead.next(), backend), normalisation);
  };
  const DeviceFloats places(buffers.size() * static_cast<std::size_t>(processes), backend, others);
  const DeviceFloats sum(buffers.size(), backend, nullptr);
  float* const total = sum.values().data();
  backend.fill(as_tensor(sum.values()), 0);
  const auto place = [&](std::int64_t q) {
    return places.values().subspan(static_cast<std::size_t>(q) * buffers.size(), buffers.size());
  };
  StopVote vote(stop, backend, others);
  for (std::int64_t first = 0; first < batches; first += processes) {
    vote.take();
    const std::int64_t count = std::min<std::int64_t>(processes, batches - first);
    if (process < count) {
      look_at_next();
      backend.copy(as_tensor(buffers), as_tensor(place(process)));
    }
    if (others != nullptr) {
      std::vector<std::size_t> ends;
      for (std::int64_t q = 0; q < processes; ++q) {
        ends.push_back(static_cast<std::size_t>(std::min(q + 1, count)) * buffers.size());
      }
      others->all_gather(places.values().first(ends.back()), ends, backend);
    }
    for (std::int64_t q = 0; q < count; ++q) {
      const std::array<const float*, 2> terms{total, place(q).data()};
      backend.average(terms, std::span(&total, 1), std::ssize(buffers), /*divisor=*/1);
    }
  }
  float* const mean = buffers.data();
  const float* const all = total;
  backend.average(std::span(&all, 1), std::span(&mean, 1), std::ssize(buffers), /*divisor=*/batches);
}

}  // namespace drift
