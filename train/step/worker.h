// Worker: one replica and what it needs to train: model, arenas, optimizer, sampler position, stream and backend. It
// touches nothing outside itself; what it shares with the others goes through a Communicator. Activations are not its
// own: they live in the pool it is lent for a step, because fewer workers may compute at once than there are replicas
// (lanes.h).
//
// On a GPU everything here is enqueued: steps are captured and replayed (captured_segment.h). Results and times come
// home a few steps later (download_ring.h), and so does what a check of the replica found (finite_check.h); taking one
// may wait.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "engine/memory_pool.h"
#include "engine/optim/compression.h"
#include "engine/optim/delayed_average.h"
#include "engine/optim/outer.h"
#include "engine/optim/sgd.h"
#include "kernels/observed/op_recorder.h"
#include "models/registry.h"
#include "train/config/config.h"
#include "train/step/batch_loss.h"
#include "train/step/batch_memory.h"
#include "train/step/buckets.h"
#include "train/step/captured_segment.h"
#include "train/step/finite_check.h"
#include "train/step/joint_segment.h"
#include "train/step/phase_clock.h"
#include "train/step/round_telemetry.h"

namespace drift {

class Worker {
 public:
  // `data`, `sampler`, `loading` and `images` must outlive the worker. Its parameters are the seed's initialisation,
  // the same for every id. workers: that compute on the device at the same time. images: the training images where they
  // lie on the device as a whole, or nullptr. source: of the arenas' memory, or nullptr.
  Worker(const TrainConfig& config, int id, const DataSource& data, const Sampler& sampler, Device device, int threads,
         LoaderPool& loading, int workers = 1, const ResidentImages* images = nullptr,
         std::shared_ptr<MemorySource> source = nullptr);

  int id() const { return id_; }
  Stream& stream() { return *stream_; }
  Backend& backend() { return *backend_; }
  const Backend& backend() const { return *backend_; }
  OpRecorder* recorder() { return recorder_; }  // with --profile: its backend; else nullptr
  Model& model() { return *model_; }
  const Model& model() const { return *model_; }
  ParameterSet& parameters() { return model_->parameters; }
  const ParameterSet& parameters() const { return model_->parameters; }

  // Of what a replica keeps between two steps.
  std::int64_t bytes() const {
    return parameters().bytes() + more_arenas_ * static_cast<std::int64_t>(parameters().values().size_bytes());
  }

  // The next call of next_batch() gives this worker's share of this step.
  void seek(Step step) { loader_->seek(step); }
  const Batch& next_batch();

  // What is done with a part of the arenas once backward is through with it: its gradients are final, and nothing reads
  // its parameters any more.
  using OnFinal = std::function<void(const ArenaRange& range)>;

  // Fills the gradient arena; activations come from and return to `pool`. lr: of the update behind it.
  void forward_backward(const Batch& batch, double lr, MemoryPool& pool, const OnFinal& on_final = {});
  // The optimizer's step from the gradient arena.
  void update();
  // Both in one piece: a step without communication before its update.
  // on_final: of what is updated already.
  void local_step(const Batch& batch, double lr, MemoryPool& pool, const OnFinal& on_final = {});
  // What a step that ends with an average does beside computing. On a GPU, where it only enqueues.
  struct Averaging {
    Sync sync = Sync::kNone;        // what is averaged
    OnFinal on_final;               // see above
    std::function<void()> average;  // of the gradients, before the update; or of the replica, behind it
    std::function<void()> meet;     // waits for the threads of the other workers of this process
  };
  // A step of all workers of the process in one piece, `segment`: the part of this worker, at `place`. Returns whether
  // what averages was called, rather than replayed.
  bool joint_step(const Batch& batch, double lr, MemoryPool& pool, JointSegment& segment, int place,
                  const Averaging& averaging);
  bool captures_steps() const { return gradients_.captures(); }
  // From now on backward tells what is final, in ranges of about so many bytes.
  void set_buckets(std::int64_t bytes) { buckets_.emplace(model_->parameters, bytes); }

  // The result of each step is taken once, in order.
  BatchResult take_result() { return result_of(static_cast<const float*>(results_.take())); }
  // How many more may be taken now without anyone waiting long: on a CPU all, on a GPU those of a few steps ago.
  std::int64_t results_due() const;
  std::int64_t results_waiting() const { return results_.waiting(); }

  // Whether the replica is finite: counted in the order of the calls above, taken once.
  void check_finite() { finite_check_.enqueue(model_->parameters, *backend_); }
  bool finite_check_waiting() const { return finite_check_.waiting(); }
  NonFiniteCounts take_finite_check() { return finite_check_.take(); }

  // All replicas are equal in this part of the parameters, which is kept where it is needed.
  void round_begins(const ArenaRange& range);
  void round_begins() { round_begins(all()); }
  // The step of the outer optimizer from the average of a part of the parameters, where there is one: nothing happens
  // otherwise. rate_change: Schedule's, of the round.
  void outer_update(const ArenaRange& range, double rate_change);
  const OuterOptimizer* outer() const { return outer_ ? &*outer_ : nullptr; }
  std::span<float> round_start() const { return round_start_ ? round_start_->floats() : std::span<float>(); }
  // Where gradients and parameters travel as bfloat16: a part of them <- what is sent of it; nothing happens otherwise.
  void compress_gradients(const ArenaRange& range);
  void compress_parameters(const ArenaRange& range);
  // And of parameters, once that is the mean of all workers.
  void decompress_parameters(const ArenaRange& range);
  const Compression* compression() const { return compression_ ? &*compression_ : nullptr; }
  // What rounding left out until now is of something else than what travels next.
  void forget_wire_error();
  // Of averages that are mixed in late; nullptr where none is.
  DelayedAverage* delayed() { return delayed_ ? &*delayed_ : nullptr; }

  // Telemetry of rounds, where it was asked for: nothing happens otherwise. Around the average of a round, then taken
  // once, in order.
  void before_average(const ArenaRange& range);
  void after_average();
  std::int64_t rounds_waiting() const { return telemetry_ ? telemetry_->waiting() : 0; }
  RoundDistances take_round() { return telemetry_->take(); }

  // What happens around the average of a round, so that all of it has run once. Only the replica is not as before.
  void rehearse_round();

  // Around what others enqueue on its stream as a part of a step.
  void phase_begins(StepPhase phase) { clock_.begin(phase, *backend_); }
  void phase_ends(StepPhase phase) { clock_.end(phase, *backend_); }
  // After the last call that belongs to a step. The times of each step are then taken once, in order; this waits for
  // them.
  void step_done();
  StepTimes take_times();

 private:
  ArenaRange all() const { return {0, std::ssize(parameters().values())}; }
  void upload(const Batch& batch, double lr);
  void enqueue_gradients(MemoryPool& pool, const OnFinal& on_final = {});
  void enqueue_update();
  void enqueue_local_step(MemoryPool& pool, const OnFinal& on_final);
  void send_result_home();

  int id_;
  DType precision_;
  Normalisation normalisation_;
  float label_smoothing_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Backend> backend_;
  OpRecorder* recorder_;
  std::unique_ptr<Model> model_;
  Sgd optimizer_;
  std::optional<Buckets> buckets_;  // where averages overlap backward
  std::unique_ptr<Loader> loader_;

  Storage clip_scale_;  // float32 [1]
  BatchMemory batch_memory_;
  DeviceBatch batch_;  // what the next step reads
  Storage result_;     // float32 [3], what the last step left
  DownloadRing results_;
  FiniteCheck finite_check_;
  std::optional<RoundTelemetry> telemetry_;
  int more_arenas_;
  std::optional<OwnArena> round_start_;
  OuterConfig outer_config_;
  std::optional<OuterOptimizer> outer_;
  std::optional<Compression> compression_;
  std::optional<DelayedAverage> delayed_;
  CapturedSegment gradients_, update_, local_step_;
  PhaseClock clock_;
  StepTimes host_times_;              // of the step under way
  std::deque<StepTimes> steps_done_;  // of those whose times were not taken
};

// What the vendor libraries are told. workers: that compute on the device at the same time.
BackendOptions backend_options(const MachineConfig& config, int workers = 1);

// That prepare batches of this data, in a process of so many threads.
int loader_threads(const MachineConfig& config, const Dataset& dataset, int threads);

}  // namespace drift
