#include "train/replicas.h"

#include "core/check.h"
#include "core/log.h"
#include "train/checkpoint/weight_file.h"
#include "train/sampling.h"

namespace drift {
namespace {

void upload(const std::vector<float>& host, std::span<float> arena, Backend& backend) {
  DRIFT_ASSERT(host.size() == arena.size(), "{} floats do not fill an arena of {}", host.size(), arena.size());
  if (!host.empty()) backend.upload(host.data(), as_tensor(arena));
}

// Of a replica, beside its own arenas, and where it is kept.
struct KeptArena {
  std::vector<float> ReplicaState::*state;
  std::span<float> floats;
};

std::vector<KeptArena> kept_arenas(const Worker& worker) {
  std::vector<KeptArena> arenas;
  const auto add = [&](std::vector<float> ReplicaState::*state, std::span<float> floats) {
    if (!floats.empty()) arenas.push_back({state, floats});
  };
  add(&ReplicaState::round_start, worker.round_start());
  if (worker.outer() != nullptr) add(&ReplicaState::outer_momentum, worker.outer()->momentum());
  if (worker.compression() != nullptr) add(&ReplicaState::wire_error, worker.compression()->error());
  return arenas;
}

// In a branch it may be new.
void upload_or_clear(const std::vector<float>& host, std::span<float> arena, Backend& backend) {
  host.empty() ? backend.fill(as_tensor(arena), 0) : upload(host, arena, backend);
}

// On a CPU more memory is handed out than there is: who then uses it is killed, without a word.
void require_room(Device device, std::int64_t replica, int more) {
  const std::int64_t needed = replica * more;
  if (device.type != DeviceType::kCpu || needed <= free_bytes(device)) return;
  throw OutOfMemory(
      fmt::format("{} more replicas of {:.2f} MB each need {:.2f} GB, and {:.2f} GB are free: use fewer "
                  "--workers, or processes on several machines",
                  more, 1e-6 * static_cast<double>(replica), 1e-9 * static_cast<double>(needed),
                  1e-9 * static_cast<double>(free_bytes(device))));
}

// In half of what is free: the other half is for the replicas and their activations. Says what it chose.
bool keeps_images(std::int64_t bytes, Device device) {
  if (bytes == 0 || device.type == DeviceType::kCpu) return false;
  const std::int64_t free = free_bytes(device);
  const bool fit = bytes <= free / 2;
  log_info("training images, {:.1f} MB, {} into half of the {:.1f} MB that are free on {}: {}",
           1e-6 * static_cast<double>(bytes), fit ? "fit" : "do not fit", 1e-6 * static_cast<double>(free),
           to_string(device), fit ? "they are kept there" : "each batch travels there");
  return fit;
}

}  // namespace

void check_classes(const ModelOptions& model, const DataSource& data) {
  DRIFT_CHECK(kConfig, model.classes == data.train->classes(),
              "the model has {} classes and {} has {}; set --classes {}", model.classes, data.name,
              data.train->classes(), data.train->classes());
}

std::int64_t resident_bytes(const TrainConfig& config, const Dataset& images) {
  const bool may_be_kept =
      images.in_memory() && augmentation_for(config.data.augmentation, images) != Augmentation::kResizedCropFlip;
  return may_be_kept ? images.size() * images.image_shape().elements() : 0;
}

Replicas::Replicas(const TrainConfig& config, const DataSource& data, const Team& team, Device device,
                   const ThreadLayout& threads, const std::shared_ptr<MemorySource>& source)
    : sampler_(make_sampler(config, data.train->size(), data.validation ? data.validation->size() : 0)),
      loading_(std::make_unique<LoaderPool>(loader_threads(config.machine, *data.train, threads.threads))) {
  check_classes(config.model, data);
  if (keeps_images(resident_bytes(config, *data.train), device)) images_.emplace(*data.train, device);
  for (int place = 0; place < team.local_workers(); ++place) {
    const int id = team.first_worker() + place;
    workers_.push_back(std::make_unique<Worker>(config, id, data, sampler_, device, threads.threads_per_worker,
                                                *loading_, team.local_workers(), images(), source));
    if (place == 0) require_room(device, workers_.front()->bytes(), team.local_workers() - 1);
  }
  if (images_) images_->upload(*data.train, workers_.front()->backend());
}

std::vector<Stream*> Replicas::streams() const {
  std::vector<Stream*> streams;
  for (const auto& worker : workers_) streams.push_back(&worker->stream());
  return streams;
}

std::vector<ReplicaState> Replicas::states() const {
  std::vector<ReplicaState> states;
  for (const auto& worker : workers_) {
    const ParameterSet& replica = worker->parameters();
    Backend& backend = worker->backend();
    states.push_back({.values = downloaded(replica.values(), backend),
                      .momentum = downloaded(replica.momentum(), backend),
                      .buffers = downloaded(replica.buffers(), backend)});
    for (const auto& [arena, floats] : kept_arenas(*worker)) states.back().*arena = downloaded(floats, backend);
    if (const DelayedAverage* const delayed = worker->delayed();
        delayed != nullptr && delayed->state() == DelayedAverage::State::kArrived) {
      states.back().delayed = downloaded(delayed->difference(), backend);
    }
  }
  return states;
}

void Replicas::restore(std::span<const ReplicaState> states) {
  DRIFT_ASSERT(states.size() == workers_.size(), "{} states for {} workers", states.size(), workers_.size());
  for (std::size_t k = 0; k < workers_.size(); ++k) {
    const ParameterSet& replica = workers_[k]->parameters();
    Backend& backend = workers_[k]->backend();
    upload(states[k].values, replica.values(), backend);
    upload(states[k].momentum, replica.momentum(), backend);
    upload(states[k].buffers, replica.buffers(), backend);
    for (const auto& [arena, floats] : kept_arenas(*workers_[k])) upload_or_clear(states[k].*arena, floats, backend);
    if (DelayedAverage* const delayed = workers_[k]->delayed(); delayed != nullptr) {
      delayed->restore(states[k].delayed, backend);
    }
    workers_[k]->stream().synchronize();  // evaluations read it from another stream
  }
}

void Replicas::load_weights(const std::filesystem::path& path) {
  const ParameterSet& source = parameters(0);
  read_weights(path, worker(0).model(), worker(0).backend());
  for (const auto& worker : workers_) {  // worker 0 comes first: the others copy from it
    const ParameterSet& replica = worker->parameters();
    Backend& backend = worker->backend();
    if (worker != workers_.front()) {
      backend.copy(as_tensor(source.values()), as_tensor(replica.values()));
      if (!source.buffers().empty()) backend.copy(as_tensor(source.buffers()), as_tensor(replica.buffers()));
    }
    backend.fill(as_tensor(replica.momentum()), 0);
    for (const auto& [arena, floats] : kept_arenas(*worker)) backend.fill(as_tensor(floats), 0);
    worker->stream().synchronize();  // others read it on streams of their own
  }
}

std::map<std::string, OpTime> Replicas::op_times() const {
  std::map<std::string, OpTime> all;
  for (const auto& worker : workers_) {
    for (const auto& [kind, time] : worker->backend().op_times()) all[kind].add(time);
  }
  return all;
}

}  // namespace drift
