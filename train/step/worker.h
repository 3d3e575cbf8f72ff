// Worker: one replica and what it needs to train: model, arenas, optimizer, sampler position, stream and backend. It
// touches nothing outside itself; what it shares with the others goes through a Communicator. Activations are not its
// own: they live in the pool it is lent for a step, because fewer workers may compute at once than there are replicas
// (lanes.h).
//
// On a GPU everything here is enqueued and nothing is waited for. The first step of each kind runs as it is, which
// builds plans and fills the pool; then it is captured once and replayed: what changes from step to step, the batch and
// the learning rate, lies in device memory. Results come home a few steps later.
#pragma once

#include <array>
#include <deque>
#include <memory>

#include "engine/memory_pool.h"
#include "engine/optim/sgd.h"
#include "models/registry.h"
#include "train/config/config.h"
#include "train/step/batch_memory.h"

namespace drift {

struct BatchResult {
  double loss = 0;           // mean over the batch
  std::int64_t correct = 0;  // top-1
};

// Where the host's time went; on a GPU, the time to enqueue. Upload, augmentation and loss belong to forward; a
// captured step is launched as one piece, which counts as forward.
struct StepTimes {
  double forward_seconds = 0, backward_seconds = 0, update_seconds = 0;
};

class Worker {
 public:
  // `data`, `sampler` and `images` must outlive the worker. Its parameters are the seed's initialisation, the same for
  // every id. images: the training images where they lie on the device as a whole, or nullptr.
  Worker(const TrainConfig& config, int id, const DataSource& data, const Sampler& sampler, Device device, int threads,
         const ResidentImages* images = nullptr);

  int id() const { return id_; }
  Stream& stream() { return *stream_; }
  Backend& backend() { return *backend_; }
  Model& model() { return *model_; }
  const Model& model() const { return *model_; }
  ParameterSet& parameters() { return model_->parameters; }
  const ParameterSet& parameters() const { return model_->parameters; }
  Loader& loader() { return *loader_; }

  // Fills the gradient arena; activations come from and return to `pool`.
  StepTimes forward_backward(const Batch& batch, double lr, MemoryPool& pool);
  // The optimizer's step from the gradient arena, at the learning rate of the last forward_backward().
  void update();
  // Both in one piece: a step without communication before its update.
  StepTimes local_step(const Batch& batch, double lr, MemoryPool& pool);

  // The loss of each step is taken once, in order; take_result() waits for it. At most kResultsBehind + 1 may wait.
  static constexpr int kResultsBehind = 4;
  BatchResult take_result();
  // How many results may stay untaken without anyone waiting: 0 where they are there at once.
  int results_behind() const { return stream_->can_capture() ? kResultsBehind : 0; }

 private:
  enum Piece { kGradients, kUpdate, kLocalStep };
  struct Captured {
    bool ran = false;
    std::unique_ptr<CapturedWork> work;
    const MemoryPool* pool = nullptr;  // whose memory it uses
  };
  struct Slot {
    explicit Slot(Device device) : floats(device, 3 * sizeof(float)), arrived(device) {}
    HostMemory floats;
    Event arrived;
  };

  StepTimes step(Piece piece, const Batch& batch, double lr, MemoryPool& pool);
  // Enqueues `work`, or replays what it enqueued before.
  template <class Work>
  void run(Piece piece, const MemoryPool* pool, const Work& work);
  StepTimes enqueue_gradients(MemoryPool& pool);
  void enqueue_update();

  int id_;
  DType precision_;
  Normalisation normalisation_;
  std::unique_ptr<Stream> stream_;
  bool capture_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Model> model_;
  Sgd optimizer_;
  std::unique_ptr<Loader> loader_;

  LearningRate lr_;
  BatchMemory batch_memory_;
  DeviceBatch batch_;  // what the next step reads
  Storage result_;     // float32 [3], what the last step left
  std::deque<Slot> slots_;
  std::int64_t results_made_ = 0, results_taken_ = 0;
  std::array<Captured, 3> captured_;
};

// What the vendor libraries are told.
BackendOptions backend_options(const TrainConfig& config);

}  // namespace drift
