#include "data/loader.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <stop_token>
#include <utility>

#include "core/check.h"
#include "core/rng.h"
#include "core/thread_team.h"

namespace drift {
namespace {

Rng rng_at(Purpose purpose, std::uint64_t seed, std::int64_t epoch, std::int64_t position) {
  return {seed, stream_id(purpose, static_cast<std::uint64_t>(epoch), static_cast<std::uint64_t>(position))};
}

// Uniform over the other classes: never the true one.
std::int32_t wrong_label(std::int32_t label, std::int64_t classes, std::uint32_t draw) {
  return static_cast<std::int32_t>((label + 1 + static_cast<std::int64_t>(draw)) % classes);
}

}  // namespace

Crop draw_crop(std::uint64_t seed, std::int64_t epoch, std::int64_t position) {
  const Rng rng = rng_at(Purpose::kAugment, seed, epoch, position);
  constexpr std::uint32_t kOffsets = 2 * kCropPad + 1;
  return {.dy = static_cast<std::int8_t>(rng.below(0, kOffsets)),
          .dx = static_cast<std::int8_t>(rng.below(1, kOffsets)),
          .flip = static_cast<std::uint8_t>(rng.below(2, 2))};
}

// A draw belongs to a position in the epoch's order, not to a dataset index: with replacement an image may come twice
// in an epoch and must not be cropped or relabelled alike.
void prepare_batch(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config, std::int64_t step,
                   Batch& batch) {
  const auto local_batch = static_cast<std::size_t>(sampler.config().local_batch);
  const auto image_bytes = static_cast<std::size_t>(dataset.image_shape().elements());
  const std::uint64_t seed = sampler.config().seed;
  const std::int64_t epoch = sampler.epoch_of(step);
  const std::int64_t first = sampler.first_position(step, config.worker);

  batch.step = step;
  batch.indices.resize(local_batch);
  batch.images.resize(config.images ? local_batch * image_bytes : 0);
  batch.labels.resize(local_batch);
  batch.crops.clear();
  sampler.indices(step, config.worker, batch.indices);
  for (std::size_t i = 0; i < local_batch; ++i) {
    const std::int64_t position = first + static_cast<std::int64_t>(i);
    if (config.images) {
      dataset.read_image(batch.indices[i], std::span(batch.images).subspan(i * image_bytes, image_bytes));
    }
    batch.labels[i] = dataset.label(batch.indices[i]);
    if (config.label_noise > 0) {
      const Rng rng = rng_at(Purpose::kLabelNoise, seed, epoch, position);
      const std::int64_t classes = dataset.classes();
      if (rng.uniform(0) < config.label_noise) {
        batch.labels[i] = wrong_label(batch.labels[i], classes, rng.below(1, static_cast<std::uint32_t>(classes - 1)));
      }
    }
    if (config.augmentation == Augmentation::kPadCropFlip) batch.crops.push_back(draw_crop(seed, epoch, position));
  }
}

// Threads that prepare the steps from `first` on into a ring. A thread claims the next step as soon as the
// ring has room; take() hands the steps out in order. Everything but a claimed step's batch is guarded by mutex_.
class Loader::Prefetcher {
 public:
  Prefetcher(const Loader& loader, std::int64_t first)
      : loader_(loader),
        ring_(2 * static_cast<std::size_t>(loader.config_.threads)),
        claimed_(first),
        taken_(first),
        threads_("preparing batches", loader.config_.threads,
                 [this](int, const std::stop_token& stop) { prepare_steps(stop); }) {}

  // Swaps the next step's batch with `batch`, whose buffers are thereby used again, or throws what preparing it threw.
  void take(Batch& batch) {
    {
      std::unique_lock lock(mutex_);
      Prepared& next = place_of(taken_);
      ready_.wait(lock, [&] { return next.ready; });
      if (next.error) std::rethrow_exception(next.error);
      std::swap(batch, next.batch);
      next.ready = false;
      ++taken_;
    }
    room_.notify_one();
  }

 private:
  struct Prepared {
    Batch batch;
    std::exception_ptr error;
    bool ready = false;
  };

  Prepared& place_of(std::int64_t step) { return ring_[static_cast<std::size_t>(step) % ring_.size()]; }

  void prepare_steps(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (room_.wait(lock, stop, [&] { return claimed_ < taken_ + std::ssize(ring_); }) && !stop.stop_requested()) {
      const std::int64_t step = claimed_++;
      Prepared& claimed = place_of(step);
      lock.unlock();
      try {
        prepare_batch(loader_.dataset_, loader_.sampler_, loader_.config_, step, claimed.batch);
      } catch (...) {
        claimed.error = std::current_exception();
      }
      lock.lock();
      claimed.ready = true;
      ready_.notify_one();
    }
  }

  const Loader& loader_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  std::condition_variable ready_;
  std::vector<Prepared> ring_;
  std::int64_t claimed_, taken_;  // the next step to prepare, the next one to hand out
  ThreadTeam threads_;            // last: they stop and are joined before anything they use goes
};

Loader::Loader(const Dataset& dataset, const Sampler& sampler, const LoaderConfig& config)
    : dataset_(dataset), sampler_(sampler), config_(config) {
  DRIFT_ASSERT(sampler.config().dataset_size == dataset.size(), "a sampler of {} images for a data set of {}",
               sampler.config().dataset_size, dataset.size());
  DRIFT_ASSERT(config.worker >= 0 && config.worker < sampler.config().workers, "worker {} of {}", config.worker,
               sampler.config().workers);
  DRIFT_CHECK(kConfig, config.label_noise >= 0 && config.label_noise <= 1,
              "the label noise is a probability from 0 to 1, got {}", config.label_noise);
  DRIFT_CHECK(kConfig, config.label_noise == 0 || dataset.classes() >= 2, "label noise needs at least 2 classes");
  DRIFT_CHECK(kConfig, config.threads >= 0, "the number of loader threads must be at least 0, got {}", config.threads);
}

Loader::~Loader() = default;

void Loader::seek(std::int64_t step) {
  DRIFT_ASSERT(step >= 0, "step {}", step);
  prefetcher_.reset();
  step_ = step;
}

const Batch& Loader::next() {
  if (config_.threads == 0) {
    prepare_batch(dataset_, sampler_, config_, step_, batch_);
  } else {
    if (!prefetcher_) prefetcher_ = std::make_unique<Prefetcher>(*this, step_);
    try {
      prefetcher_->take(batch_);
    } catch (...) {
      prefetcher_.reset();  // so that the next call starts at this step again
      throw;
    }
  }
  ++step_;
  return batch_;
}

}  // namespace drift
