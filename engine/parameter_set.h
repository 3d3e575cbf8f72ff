// ParameterSet: everything a replica is made of, in a few contiguous float32 arenas: values, gradients and momentum of
// all parameters in one fixed order, and the buffers (running statistics). One span is one all-reduce, one SGD launch,
// one copy: this is why averaging K replicas needs no flattening. The arenas lie behind each other in one piece of
// memory, at places that the model alone decides: the same in every replica of every process. Weights that decay come
// first, then norm parameters and biases, so the optimizer needs two ranges. The layers declare what they need, then
// allocate() makes the arenas.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/backend.h"
#include "kernels/device.h"
#include "kernels/tensor_view.h"

namespace drift {

enum class ParameterRole : std::uint8_t { kConvWeight, kLinearWeight, kConvBias, kLinearBias, kNormScale, kNormShift };

// How a parameter starts.
struct Init {
  enum class Kind : std::uint8_t { kConstant, kNormal } kind = Kind::kConstant;
  float value = 0;  // the constant, or the standard deviation of a normal with mean 0
};

// The floats of an arena as a tensor [n].
TensorView as_tensor(std::span<float> arena);
// The floats on the host; waits for the stream.
std::vector<float> downloaded(std::span<float> arena, Backend& backend);

class ParameterSet;

// One named parameter: views into the arenas of its set. Convolution weights are [O,k,k,I].
class Parameter {
 public:
  const std::string& name() const { return name_; }  // PyTorch's, e.g. "layer1.0.conv1.weight"
  std::string_view layer() const { return std::string_view(name_).substr(0, name_.rfind('.')); }  // "layer1.0.conv1"
  const Shape& shape() const { return shape_; }
  ParameterRole role() const { return role_; }
  const Init& init() const { return init_; }
  bool decays() const { return role_ == ParameterRole::kConvWeight || role_ == ParameterRole::kLinearWeight; }
  const ParameterSet& set() const { return *set_; }
  std::int64_t offset() const { return offset_; }  // in elements, in each of the three parameter arenas
  TensorView value() const;
  TensorView gradient() const;
  TensorView momentum() const;

 private:
  friend class ParameterSet;
  const ParameterSet* set_ = nullptr;
  std::string name_;
  Shape shape_;
  ParameterRole role_{};
  Init init_;
  std::int64_t offset_ = -1;
};

// One named buffer, float32 [C].
class Buffer {
 public:
  const std::string& name() const { return name_; }  // "bn1.running_mean"
  const Shape& shape() const { return shape_; }
  std::int64_t offset() const { return offset_; }
  float initial() const { return initial_; }
  TensorView value() const;

 private:
  friend class ParameterSet;
  const ParameterSet* set_ = nullptr;
  std::string name_;
  Shape shape_;
  float initial_ = 0;
  std::int64_t offset_ = -1;
};

class ParameterSet {
 public:
  ParameterSet() = default;
  ParameterSet(const ParameterSet&) = delete;
  ParameterSet& operator=(const ParameterSet&) = delete;

  // Before allocate(); the references stay valid for the life of the set. Names must be new.
  Parameter& add_parameter(std::string name, Shape shape, ParameterRole role, Init init);
  Buffer& add_buffer(std::string name, Shape shape, float initial);
  // Fixes the order and makes the arenas, all zero, in memory of `source` if one is given. with_training_state = false
  // (evaluation) leaves out gradients and momentum.
  void allocate(Backend& backend, bool with_training_state = true, std::shared_ptr<MemorySource> source = nullptr);
  // After allocate(). Draws every parameter from rng(seed, stream_id(kInit, 0, its index in declaration order)) and
  // sets the buffers; the order of elements within a parameter is its own layout's, so the start depends on (seed,
  // model) alone.
  void initialise(Backend& backend, std::uint64_t seed);

  bool has_training_state() const { return momentum_.data() != nullptr; }
  // Every parameter starts at a multiple of 8 elements; the padding between two is 0 in each arena and stays 0.
  std::span<float> values() const;
  std::span<float> gradients() const;
  std::span<float> momentum() const;
  std::span<float> buffers() const;
  std::int64_t decayed_count() const { return decayed_count_; }  // values()[0, decayed_count) decay, the rest does not
  std::int64_t parameter_count() const;                          // without padding: 853018 for ResNet-56
  std::int64_t bytes() const;                                    // of all arenas that there are

  // In declaration order.
  const std::vector<Parameter*>& parameters() const { return parameter_list_; }
  const std::vector<Buffer*>& buffer_list() const { return buffer_list_; }
  const Parameter* find_parameter(std::string_view name) const;  // nullptr if there is none
  const Buffer* find_buffer(std::string_view name) const;

 private:
  std::vector<std::unique_ptr<Parameter>> parameters_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<Parameter*> parameter_list_;
  std::vector<Buffer*> buffer_list_;
  bool allocated_ = false;
  std::int64_t value_count_ = 0, decayed_count_ = 0, buffer_count_ = 0;  // in floats, padding included
  Storage memory_;
  std::span<float> values_, gradients_, momentum_, buffer_values_;  // in it
};

}  // namespace drift
