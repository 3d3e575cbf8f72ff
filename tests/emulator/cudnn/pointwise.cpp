// Element-wise operations with broadcasting, in float32.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/emulator/cudnn/operations.h"

namespace drift::emulator::cudnn {

namespace {

struct Parameters {
  float lower_clip, upper_clip, lower_slope;  // of ReLU
  float beta;                                 // of swish
  bool masks;                                 // the second factor is a bit: where it is 0 a NaN ends (seen on an H200)
};

// The elements of an input along one row of the result: a step of 1, or of 0 where it is broadcast.
struct Row {
  const float* values;
  std::int64_t step;
};

// An input seen with the result's shape: axes of extent 1 have stride 0. Strides and extents are in an Array's order.
class Broadcast {
 public:
  Broadcast(const Array& input, const std::vector<std::int64_t>& dims) : input_(input) {
    const std::size_t rank = dims.size();
    if (input.dims.size() != rank) throw std::runtime_error("pointwise: inputs of different rank");
    const auto axes = array_axes(rank);
    strides_.resize(rank);
    std::int64_t stride = 1;
    for (std::size_t i = rank; i-- > 0;) {
      const std::int64_t extent = input.dims[axes[i]];
      if (extent != 1 && extent != dims[axes[i]]) throw std::runtime_error("pointwise: shapes do not fit");
      strides_[i] = extent == 1 ? 0 : stride;
      stride *= extent;
    }
  }

  // The row at `index`, which holds all but the last axis.
  Row row(const std::vector<std::int64_t>& index) const {
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < index.size(); ++i) offset += index[i] * strides_[i];
    return {input_.data.data() + offset, strides_.back()};
  }

 private:
  const Array& input_;
  std::vector<std::int64_t> strides_;
};

// result[i] = map(a[i], b[i]), the inner loop specialised for what is broadcast so that it vectorises.
template <class Map>
void map_row(Row a, Row b, std::int64_t count, float* result, Map map) {
  if (a.step == 1 && b.step == 1) {
    for (std::int64_t i = 0; i < count; ++i) result[i] = map(a.values[i], b.values[i]);
  } else if (a.step == 1) {
    for (std::int64_t i = 0; i < count; ++i) result[i] = map(a.values[i], *b.values);
  } else {
    for (std::int64_t i = 0; i < count; ++i) result[i] = map(a.values[i * a.step], b.values[i * b.step]);
  }
}

template <class Map>
void map_arrays(const Array& a, const Array& b, Array& result, Map map) {
  if (a.dims == result.dims && (b.dims == result.dims || b.size() == 1)) {
    map_row({a.data.data(), 1}, {b.data.data(), b.size() == 1 ? 0 : 1}, result.size(), result.data.data(), map);
    return;
  }
  const Broadcast first(a, result.dims);
  const Broadcast second(b, result.dims);
  const auto axes = array_axes(result.dims.size());
  std::vector<std::int64_t> index(axes.size() - 1, 0);
  const std::int64_t count = result.dims[axes.back()];
  for (std::int64_t done = 0; done < result.size(); done += count) {
    map_row(first.row(index), second.row(index), count, result.data.data() + done, map);
    for (std::size_t i = index.size(); i-- > 0;) {
      if (++index[i] < result.dims[axes[i]]) break;
      index[i] = 0;
    }
  }
}

float sigmoid(float x) {
  return 1.0F / (1.0F + std::exp(-x));
}

// Calls apply(map) with the function of two numbers that `mode` stands for; modes of one input ignore the second.
// Backward modes get the gradient second.
template <class Apply>
void with_map(cudnnPointwiseMode_t mode, const Parameters& p, Apply apply) {
  switch (mode) {
    case CUDNN_POINTWISE_IDENTITY:
      return apply([](float x, float) { return x; });
    case CUDNN_POINTWISE_ADD:
      return apply([](float a, float b) { return a + b; });
    case CUDNN_POINTWISE_SUB:
      return apply([](float a, float b) { return a - b; });
    case CUDNN_POINTWISE_MUL:
      if (p.masks) return apply([](float a, float b) { return b == 0.0F ? 0.0F : a; });
      return apply([](float a, float b) { return a * b; });
    case CUDNN_POINTWISE_DIV:
      return apply([](float a, float b) { return a / b; });
    case CUDNN_POINTWISE_SQRT:
      return apply([](float x, float) { return std::sqrt(x); });
    case CUDNN_POINTWISE_RSQRT:
      return apply([](float x, float) { return 1.0F / std::sqrt(x); });
    case CUDNN_POINTWISE_CMP_GT:
      return apply([](float a, float b) { return a > b ? 1.0F : 0.0F; });
    case CUDNN_POINTWISE_SIGMOID_FWD:
      return apply([](float x, float) { return sigmoid(x); });
    case CUDNN_POINTWISE_SIGMOID_BWD:
      return apply([](float x, float dy) { return dy * sigmoid(x) * (1.0F - sigmoid(x)); });
    case CUDNN_POINTWISE_SWISH_FWD:
      return apply([p](float x, float) { return x * sigmoid(p.beta * x); });
    case CUDNN_POINTWISE_SWISH_BWD:
      return apply([p](float x, float dy) {
        const float s = sigmoid(p.beta * x);
        return dy * (s + p.beta * x * s * (1.0F - s));
      });
    case CUDNN_POINTWISE_RELU_FWD:  // a NaN passes: cudnn-frontend always asks for CUDNN_PROPAGATE_NAN
      return apply([p](float x, float) {
        if (x < p.lower_clip) return p.lower_clip + p.lower_slope * (x - p.lower_clip);
        return x > p.upper_clip ? p.upper_clip : x;
      });
    case CUDNN_POINTWISE_RELU_BWD:
      return apply([p](float x, float dy) {
        if (x <= p.lower_clip) return p.lower_slope * dy;
        return x > p.upper_clip ? 0.0F : dy;
      });
    default:
      throw std::runtime_error("pointwise mode " + std::to_string(mode) + " is not emulated");
  }
}

bool is_backward(cudnnPointwiseMode_t mode) {
  return mode >= CUDNN_POINTWISE_RELU_BWD && mode <= CUDNN_POINTWISE_GELU_APPROX_TANH_BWD;
}

// A scaling of the inputs that newer versions call deprecated.
bool is_scaled(const Record& record) {
  for (const auto name : {CUDNN_ATTR_OPERATION_POINTWISE_ALPHA1, CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2}) {
    const auto found = record.attributes.find(name);
    if (found == record.attributes.end()) continue;
    const bool wide = found->second.type == CUDNN_TYPE_DOUBLE;
    if ((wide ? record.value<double>(name, 1.0) : record.value<float>(name, 1.0F)) != 1.0) return true;
  }
  return false;
}

}  // namespace

Operation make_pointwise(const Record& record) {
  const auto descriptor = record.child(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR);
  if (descriptor == nullptr) throw std::runtime_error("a pointwise operation lacks its descriptor");
  if (is_scaled(record)) throw std::runtime_error("pointwise operations with alpha != 1 are not emulated");
  const auto mode = descriptor->value(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_IDENTITY);
  const auto number = [&](cudnnBackendAttributeName_t name, double otherwise) {
    return static_cast<float>(descriptor->value<double>(name, otherwise));
  };
  const bool backward = is_backward(mode);
  const auto first = tensor_info(record.child(CUDNN_ATTR_OPERATION_POINTWISE_XDESC));
  const auto other =
      record.child(backward ? CUDNN_ATTR_OPERATION_POINTWISE_DYDESC : CUDNN_ATTR_OPERATION_POINTWISE_BDESC);
  const auto second = other == nullptr ? first : tensor_info(other);
  const auto result = tensor_info(
      record.child(backward ? CUDNN_ATTR_OPERATION_POINTWISE_DXDESC : CUDNN_ATTR_OPERATION_POINTWISE_YDESC));
  const Parameters parameters{number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, 0.0),
                              number(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, HUGE_VAL),
                              number(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 0.0),
                              number(CUDNN_ATTR_POINTWISE_SWISH_BETA, 1.0), second.element == Element::kBoolean};
  with_map(mode, parameters, [](auto) {});  // refuses an unknown mode now
  return [=](Values& values) {
    const Array& a = values.read(first);
    const Array& b = values.read(second);
    Array array(result.dims);
    with_map(mode, parameters, [&](auto map) { map_arrays(a, b, array, map); });
    values.write(result, std::move(array));
  };
}

}  // namespace drift::emulator::cudnn
