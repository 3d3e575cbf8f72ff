// Tape: the nodes of one forward pass in the order they ran. Backward is that list reversed: no search, no recursion.
// Each node is destroyed right after it ran backward, which frees the memory it saved for the gradients still to come.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/memory_pool.h"
#include "engine/parameter_set.h"
#include "engine/tensor.h"
#include "kernels/backend.h"

namespace drift {

// What batch norm normalises with: the batch's own mean and variance, which also move the running ones, or the running
// ones as constants.
enum class NormStatistics : std::uint8_t { kBatch, kFrozen };

// Two independent settings of a forward pass.
struct TapeOptions {
  bool records = true;  // nodes, for backward
  NormStatistics statistics = NormStatistics::kBatch;

  bool operator==(const TapeOptions&) const = default;
};
inline constexpr TapeOptions kTraining{true, NormStatistics::kBatch};
inline constexpr TapeOptions kInference{false, NormStatistics::kFrozen};
inline constexpr TapeOptions kFrozenTraining{true, NormStatistics::kFrozen};
inline constexpr TapeOptions kBatchStatistics{false, NormStatistics::kBatch};  // re-estimates the running ones

class Gradients;

// One forward step that can run itself backward.
class Node {
 public:
  virtual ~Node() = default;
  virtual std::string_view name() const = 0;
  virtual void backward(Backend& backend, Gradients& gradients) = 0;
  // Whose gradients are final once this has run backward, or nullptr.
  virtual std::array<const Parameter*, 2> parameters() const { return {}; }
};

class Tape {
 public:
  // activation: the type of activations, float32 or bfloat16.
  Tape(Backend& backend, MemoryPool& pool, DType activation, TapeOptions options)
      : backend_(backend), pool_(pool), activation_(activation), options_(options) {}

  Backend& backend() { return backend_; }
  MemoryPool& pool() { return pool_; }
  DType activation() const { return activation_; }
  bool records() const { return options_.records; }
  bool uses_batch_statistics() const { return options_.statistics == NormStatistics::kBatch; }

  // How far running statistics move; 1/(1+i) at batch i makes them the plain mean over batches.
  float batch_norm_momentum = 0.1f;

  // An uninitialised tensor for what an op computes; when recording it takes part in backward.
  Tensor output(const Shape& shape, DType dtype);
  // A place in backward for what is never stored: whoever reads it computes it.
  Value value(const Shape& shape, DType dtype);
  // A weight (a parameter that decays) in the type of activations, valid as long as the tape. In bf16 the first call
  // casts all weights of its set in one kernel; they must not change until backward is done. A tape serves one set.
  TensorView weight(const Parameter& parameter);
  // Memory that only an op and its node see: statistics, masks.
  Tensor scratch(const Shape& shape, DType dtype) { return pool_.allocate(shape, dtype); }
  // layer: its name for profilers, living as long as the tape; "": the node's own.
  void push(std::unique_ptr<Node> node, std::string_view layer = {});
  // Runs every node backward, last first, starting from the gradient that the last one (the loss) makes itself.
  // Parameter gradients are overwritten, each parameter being used once per forward. is_final is told of each as soon
  // as what makes its gradient is enqueued; nothing that comes later in backward reads it or its gradient.
  void backward(const std::function<void(const Parameter&)>& is_final = {});

  int value_count() const { return value_count_; }
  std::size_t node_count() const { return nodes_.size(); }

 private:
  Backend& backend_;
  MemoryPool& pool_;
  DType activation_;
  TapeOptions options_;
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
