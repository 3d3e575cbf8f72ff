// Tensors of a graph: how they lie in memory, and their values as float32 arrays while a graph runs. Arrays of four and
// more axes keep the channel axis (axis 1) last, so that images lie as NHWC and filters as KRSC and the loops over
// channels are contiguous; arrays of fewer axes keep their order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tests/emulator/cudnn/element.h"
#include "tests/emulator/cudnn/records.h"

namespace drift::emulator::cudnn {

struct TensorInfo {
  std::int64_t uid;
  Element element;
  std::vector<std::int64_t> dims;     // in cuDNN's order: N, C, H, W
  std::vector<std::int64_t> strides;  // in elements
  std::int64_t alignment;             // bytes
  bool is_virtual;
  bool by_value;  // its address in the variant pack is host memory, read when Execute is called

  // From the first element to behind the last one.
  std::size_t bytes() const;
};

// Throws if the type or layout is one the executor does not know.
TensorInfo tensor_info(const RecordPointer& tensor);

struct Array {
  std::vector<std::int64_t> dims;  // in cuDNN's order
  std::vector<float> data;         // channels last

  explicit Array(std::vector<std::int64_t> array_dims);
  std::int64_t size() const { return static_cast<std::int64_t>(data.size()); }
  std::int64_t channels() const { return dims.size() < 2 ? 1 : dims[1]; }
};

// The axes in the order in which an Array keeps them, slowest first.
std::vector<std::size_t> array_axes(std::size_t rank);

// The values of one run of a graph: inputs read from device memory once, results, and what stays virtual. Results are
// rounded to their tensor's type, virtual or not.
class Values {
 public:
  // Addresses by uid: of device memory, or of the copies of by-value tensors.
  explicit Values(const std::map<std::int64_t, void*>& addresses) : addresses_(addresses) {}

  const Array& read(const TensorInfo& tensor);
  void write(const TensorInfo& tensor, Array array);

 private:
  void* address(const TensorInfo& tensor) const;

  const std::map<std::int64_t, void*>& addresses_;
  std::map<std::int64_t, Array> arrays_;
};

}  // namespace drift::emulator::cudnn
