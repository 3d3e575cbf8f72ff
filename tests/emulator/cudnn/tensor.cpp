#include "tests/emulator/cudnn/tensor.h"

#include <functional>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/emulator/cudart/enqueue.h"

namespace drift::emulator::cudnn {

namespace {

Element element_of(cudnnDataType_t type) {
  switch (type) {
    case CUDNN_DATA_FLOAT:
      return Element::kFloat32;
    case CUDNN_DATA_HALF:
      return Element::kFloat16;
    case CUDNN_DATA_BFLOAT16:
      return Element::kBfloat16;
    case CUDNN_DATA_INT8:
      return Element::kInt8;
    case CUDNN_DATA_INT32:
      return Element::kInt32;
    case CUDNN_DATA_BOOLEAN:
      return Element::kBoolean;
    default:
      throw std::runtime_error("tensors of cudnnDataType_t " + std::to_string(type) + " are not emulated");
  }
}

std::int64_t product(const std::vector<std::int64_t>& factors) {
  return std::accumulate(factors.begin(), factors.end(), std::int64_t{1}, std::multiplies<>());
}

struct Axis {
  std::int64_t extent;
  std::int64_t stride;
};

// The tensor's axes in an Array's order, neighbours that lie without a gap merged, axes of extent 1 dropped.
std::vector<Axis> merged_axes(const TensorInfo& tensor) {
  std::vector<Axis> axes;
  for (const std::size_t axis : array_axes(tensor.dims.size())) {
    const Axis next{tensor.dims[axis], tensor.strides[axis]};
    if (next.extent == 1) continue;
    if (!axes.empty() && axes.back().stride == next.stride * next.extent) {
      axes.back() = {axes.back().extent * next.extent, next.stride};
    } else {
      axes.push_back(next);
    }
  }
  return axes;
}

// Calls run(offset, stride, count) for stretches of memory that together are the tensor in an Array's order.
template <class Run>
void for_each_run(const TensorInfo& tensor, Run run) {
  auto axes = merged_axes(tensor);
  if (axes.empty()) axes.push_back({1, 1});
  const Axis inner = axes.back();
  axes.pop_back();
  std::vector<std::int64_t> index(axes.size(), 0);
  std::int64_t offset = 0;
  for (;;) {
    run(offset, inner.stride, inner.extent);
    std::size_t axis = axes.size();
    for (; axis > 0; --axis) {
      const Axis& outer = axes[axis - 1];
      offset += outer.stride;
      if (++index[axis - 1] < outer.extent) break;
      offset -= outer.stride * outer.extent;
      index[axis - 1] = 0;
    }
    if (axis == 0) return;
  }
}

}  // namespace

std::size_t TensorInfo::bytes() const {
  std::int64_t last = 0;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) last += (dims[axis] - 1) * strides[axis];
  return element_bytes(element, last + 1);
}

TensorInfo tensor_info(const RecordPointer& tensor) {
  if (tensor == nullptr) throw std::runtime_error("an operation lacks a tensor");
  TensorInfo info{tensor->value<std::int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID, 0),
                  element_of(tensor->value<cudnnDataType_t>(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT)),
                  tensor->values<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS),
                  tensor->values<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES),
                  tensor->value<std::int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, 1),
                  tensor->value<char>(CUDNN_ATTR_TENSOR_IS_VIRTUAL, 0) != 0,
                  tensor->value<char>(CUDNN_ATTR_TENSOR_IS_BY_VALUE, 0) != 0};
  if (tensor->attributes.contains(CUDNN_ATTR_TENSOR_RAGGED_OFFSET_DESC) ||
      tensor->value<std::int64_t>(CUDNN_ATTR_TENSOR_VECTOR_COUNT, 1) != 1) {
    throw std::runtime_error("ragged and vectorized tensors are not emulated");
  }
  return info;
}

Array::Array(std::vector<std::int64_t> array_dims)
    : dims(std::move(array_dims)), data(static_cast<std::size_t>(product(dims))) {}

std::vector<std::size_t> array_axes(std::size_t rank) {
  std::vector<std::size_t> axes(rank);
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  if (rank >= 4) {
    axes.erase(axes.begin() + 1);
    axes.push_back(1);
  }
  return axes;
}

void* Values::address(const TensorInfo& tensor) const {
  const auto found = addresses_.find(tensor.uid);
  if (found == addresses_.end()) {
    throw std::runtime_error("tensor " + std::to_string(tensor.uid) + " is not in the variant pack");
  }
  return found->second;
}

const Array& Values::read(const TensorInfo& tensor) {
  const auto found = arrays_.find(tensor.uid);
  if (found != arrays_.end()) return found->second;
  const void* memory = address(tensor);
  if (!tensor.by_value) memory = host_pointer(memory, tensor.bytes(), Access::kRead);
  Array array(tensor.dims);
  float* next = array.data.data();
  for_each_run(tensor, [&](std::int64_t offset, std::int64_t stride, std::int64_t count) {
    load_run(tensor.element, memory, offset, stride, count, next);
    next += count;
  });
  return arrays_.emplace(tensor.uid, std::move(array)).first->second;
}

void Values::write(const TensorInfo& tensor, Array array) {
  round_to(tensor.element, array.data.data(), array.size());
  if (!tensor.is_virtual) {
    void* memory = host_pointer(address(tensor), tensor.bytes(), Access::kWrite);
    const float* next = array.data.data();
    for_each_run(tensor, [&](std::int64_t offset, std::int64_t stride, std::int64_t count) {
      store_run(tensor.element, memory, offset, stride, count, next);
      next += count;
    });
  }
  arrays_.insert_or_assign(tensor.uid, std::move(array));
}

}  // namespace drift::emulator::cudnn
