// Tape: the nodes of one forward pass in the order they ran. Backward is that list reversed: no search, no recursion.
// Each node is destroyed right after it ran backward, which frees the memory it saved for the gradients still to come.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/memory_pool.h"
#include "engine/parameter_set.h"
#include "engine/tensor.h"
#include "kernels/backend.h"

namespace drift {

enum class Mode : std::uint8_t {
  kTrain,       // batch statistics, running statistics move, nodes are recorded
  kInference,   // stored statistics, nothing recorded
  kStatistics,  // batch statistics, running statistics move, nothing recorded: re-estimation of batch-norm statistics
};

class Gradients;

// One forward step that can run itself backward.
class Node {
 public:
  virtual ~Node() = default;
  virtual std::string_view name() const = 0;
  virtual void backward(Backend& backend, Gradients& gradients) = 0;
};

class Tape {
 public:
  // activation: the type of activations, float32 or bfloat16.
  Tape(Backend& backend, MemoryPool& pool, DType activation, Mode mode)
      : backend_(backend), pool_(pool), activation_(activation), mode_(mode) {}

  Backend& backend() { return backend_; }
  MemoryPool& pool() { return pool_; }
  DType activation() const { return activation_; }
  Mode mode() const { return mode_; }
  bool records() const { return mode_ == Mode::kTrain; }
  bool uses_batch_statistics() const { return mode_ != Mode::kInference; }

  // How far running statistics move; 1/(1+i) at batch i makes them the plain mean over batches.
  float batch_norm_momentum = 0.1f;

  // An uninitialised tensor for what an op computes; when recording it takes part in backward.
  Tensor output(const Shape& shape, DType dtype);
  // A weight (a parameter that decays) in the type of activations, valid as long as the tape. In bf16 the first call
  // casts all weights of its set in one kernel; they must not change until backward is done. A tape serves one set.
  TensorView weight(const Parameter& parameter);
  // Memory that only an op and its node see: statistics, masks.
  Tensor scratch(const Shape& shape, DType dtype) { return pool_.allocate(shape, dtype); }
  // layer: its name for profilers, living as long as the tape; "": the node's own.
  void push(std::unique_ptr<Node> node, std::string_view layer = {});
  // Runs every node backward, last first, starting from the gradient that the last one (the loss) makes itself.
  // Parameter gradients are overwritten, each parameter being used once per forward.
  void backward();

  int value_count() const { return value_count_; }
  std::size_t node_count() const { return nodes_.size(); }

 private:
  Backend& backend_;
  MemoryPool& pool_;
  DType activation_;
  Mode mode_;
  int value_count_ = 0;
  const ParameterSet* cast_set_ = nullptr;
  Tensor cast_weights_;  // bfloat16 [decayed_count of cast_set_]
  struct Entry {
    std::unique_ptr<Node> node;
    std::string_view layer;
  };
  std::vector<Entry> nodes_;
};

}  // namespace drift
