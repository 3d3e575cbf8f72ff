// See parameter_set.h.
#include "engine/parameter_set.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/rng.h"

namespace drift {
namespace {

// In elements.
constexpr std::int64_t kAlignment = 8;        // 16 bytes in a bf16 copy of the values: one packet
constexpr std::int64_t kArenaAlignment = 64;  // 256 bytes, as memory of a GPU of its own would have

std::int64_t aligned(std::int64_t count, std::int64_t alignment = kAlignment) {
  return (count + alignment - 1) / alignment * alignment;
}

// Places `item` behind what is there; returns where it ends.
template <class Item>
std::int64_t place(Item& item, std::int64_t& offset, std::int64_t end) {
  offset = aligned(end);
  return offset + item.shape().elements();
}

TensorView slice(std::span<float> arena, std::int64_t offset, const Shape& shape) {
  return {arena.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(shape.elements())).data(), shape,
          DType::kFloat32};
}

std::span<float> allocated(std::span<float> arena, std::string_view what) {
  DRIFT_ASSERT(arena.data() != nullptr, "the {} arena of this parameter set was not allocated", what);
  return arena;
}

template <class Item>
const Item* find(const std::vector<Item*>& items, std::string_view name) {
  const auto found = std::ranges::find_if(items, [name](const Item* item) { return item->name() == name; });
  return found == items.end() ? nullptr : *found;
}

}  // namespace

TensorView as_tensor(std::span<float> arena) {
  return {arena.data(), {static_cast<std::int64_t>(arena.size())}, DType::kFloat32};
}

std::vector<float> downloaded(std::span<float> arena, Backend& backend) {
  std::vector<float> host(arena.size());
  if (!host.empty()) backend.download(as_tensor(arena), host.data());
  return host;
}

TensorView Parameter::value() const {
  return slice(set_->values(), offset_, shape_);
}
TensorView Parameter::gradient() const {
  return slice(set_->gradients(), offset_, shape_);
}
TensorView Parameter::momentum() const {
  return slice(set_->momentum(), offset_, shape_);
}
TensorView Buffer::value() const {
  return slice(set_->buffers(), offset_, shape_);
}

Parameter& ParameterSet::add_parameter(std::string name, Shape shape, ParameterRole role, Init init) {
  DRIFT_ASSERT(!allocated_, "parameter '{}' was declared after allocate()", name);
  DRIFT_ASSERT(find_parameter(name) == nullptr, "parameter '{}' was declared twice", name);
  DRIFT_ASSERT(shape.elements() > 0, "parameter '{}' has the empty shape {}", name, to_string(shape));
  auto parameter = std::make_unique<Parameter>();
  parameter->set_ = this;
  parameter->name_ = std::move(name);
  parameter->shape_ = shape;
  parameter->role_ = role;
  parameter->init_ = init;
  parameter_list_.push_back(parameter.get());
  parameters_.push_back(std::move(parameter));
  return *parameter_list_.back();
}

Buffer& ParameterSet::add_buffer(std::string name, Shape shape, float initial) {
  DRIFT_ASSERT(!allocated_, "buffer '{}' was declared after allocate()", name);
  DRIFT_ASSERT(find_buffer(name) == nullptr, "buffer '{}' was declared twice", name);
  DRIFT_ASSERT(shape.elements() > 0, "buffer '{}' has the empty shape {}", name, to_string(shape));
  auto buffer = std::make_unique<Buffer>();
  buffer->set_ = this;
  buffer->name_ = std::move(name);
  buffer->shape_ = shape;
  buffer->initial_ = initial;
  buffer_list_.push_back(buffer.get());
  buffers_.push_back(std::move(buffer));
  return *buffer_list_.back();
}

void ParameterSet::allocate(Backend& backend, bool with_training_state, std::shared_ptr<MemorySource> source) {
  DRIFT_ASSERT(!allocated_ && !parameters_.empty(), "allocate() once, after parameters were declared ({} so far)",
               parameters_.size());
  for (Parameter* parameter : parameter_list_) {
    if (parameter->decays()) value_count_ = place(*parameter, parameter->offset_, value_count_);
  }
  decayed_count_ = value_count_ = aligned(value_count_);  // both ranges start on a packet
  for (Parameter* parameter : parameter_list_) {
    if (!parameter->decays()) value_count_ = place(*parameter, parameter->offset_, value_count_);
  }
  for (Buffer* buffer : buffer_list_) buffer_count_ = place(*buffer, buffer->offset_, buffer_count_);

  struct Arena {
    std::span<float>* floats;
    std::int64_t count;
  };
  std::vector<Arena> arenas{{&values_, value_count_}, {&buffer_values_, buffer_count_}};
  if (with_training_state) arenas.insert(arenas.end(), {{&gradients_, value_count_}, {&momentum_, value_count_}});
  std::int64_t total = 0;
  for (const Arena& arena : arenas) total += aligned(arena.count, kArenaAlignment);
  memory_ = Storage(backend.stream().device(), static_cast<std::size_t>(total) * sizeof(float), std::move(source));
  auto* next = static_cast<float*>(memory_.data());
  backend.fill({next, {total}, DType::kFloat32}, 0.0f);
  for (const Arena& arena : arenas) {
    *arena.floats = {next, static_cast<std::size_t>(arena.count)};
    next += aligned(arena.count, kArenaAlignment);
  }
  allocated_ = true;
}

void ParameterSet::initialise(Backend& backend, std::uint64_t seed) {
  std::vector<float> host(values().size(), 0.0f);
  std::uint64_t index = 0;
  for (const Parameter* parameter : parameter_list_) {
    const Rng rng(seed, stream_id(Purpose::kInit, 0, index++));
    const Init& init = parameter->init();
    float* const element = host.data() + parameter->offset();
    for (std::int64_t i = 0; i < parameter->shape().elements(); ++i) {
      element[i] =
          init.kind == Init::Kind::kNormal ? init.value * rng.normal(static_cast<std::uint64_t>(i)) : init.value;
    }
  }
  std::vector<float> host_buffers(buffers().size(), 0.0f);
  for (const Buffer* buffer : buffer_list_) {
    std::fill_n(host_buffers.data() + buffer->offset(), buffer->shape().elements(), buffer->initial());
  }
  backend.upload(host.data(), as_tensor(values()));
  if (!host_buffers.empty()) backend.upload(host_buffers.data(), as_tensor(buffers()));
  backend.stream().synchronize();  // whoever comes next may read them from another stream
}

std::span<float> ParameterSet::values() const {
  return allocated(values_, "value");
}
std::span<float> ParameterSet::gradients() const {
  return allocated(gradients_, "gradient");
}
std::span<float> ParameterSet::momentum() const {
  return allocated(momentum_, "momentum");
}
std::span<float> ParameterSet::buffers() const {
  return allocated(buffer_values_, "buffer");
}

std::int64_t ParameterSet::bytes() const {
  return static_cast<std::int64_t>(values_.size_bytes() + gradients_.size_bytes() + momentum_.size_bytes() +
                                   buffer_values_.size_bytes());
}

std::int64_t ParameterSet::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter* parameter : parameter_list_) count += parameter->shape().elements();
  return count;
}

const Parameter* ParameterSet::find_parameter(std::string_view name) const {
  return find(parameter_list_, name);
}
const Buffer* ParameterSet::find_buffer(std::string_view name) const {
  return find(buffer_list_, name);
}

}  // namespace drift
