// Sums over axes, and products of (batches of) matrices.
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/emulator/cudnn/operations.h"

namespace drift::emulator::cudnn {

namespace {

// Sums each element of x into the element of y that it belongs to, in double.
Array sum_to(const Array& x, const std::vector<std::int64_t>& dims) {
  Array y(dims);
  const auto axes = array_axes(dims.size());
  std::vector<std::int64_t> strides(axes.size());  // of y, in array order; 0 along summed axes
  std::int64_t stride = 1;
  for (std::size_t i = axes.size(); i-- > 0;) {
    const std::int64_t extent = dims[axes[i]];
    if (extent != 1 && extent != x.dims[axes[i]]) throw std::runtime_error("reduction: shapes do not fit");
    strides[i] = extent == 1 ? 0 : stride;
    stride *= extent;
  }
  std::vector<double> sums(y.data.size(), 0.0);
  std::vector<std::int64_t> index(axes.size(), 0);
  std::int64_t to = 0;
  for (const float value : x.data) {
    sums[to] += value;
    for (std::size_t i = axes.size(); i-- > 0;) {
      to += strides[i];
      if (++index[i] < x.dims[axes[i]]) break;
      to -= strides[i] * index[i];
      index[i] = 0;
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) y.data[i] = static_cast<float>(sums[i]);
  return y;
}

// c[m][n] = a[m][k] * b[k][n]
void multiply(const float* a, const float* b, float* c, std::int64_t rows, std::int64_t inner, std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < inner; ++k) {
      const float factor = a[i * inner + k];
      for (std::int64_t j = 0; j < columns; ++j) c[i * columns + j] += factor * b[k * columns + j];
    }
  }
}

}  // namespace

Operation make_reduction(const Record& record) {
  const auto descriptor = record.child(CUDNN_ATTR_OPERATION_REDUCTION_DESC);
  if (descriptor == nullptr) throw std::runtime_error("a reduction lacks its descriptor");
  const auto mode = descriptor->value(CUDNN_ATTR_REDUCTION_OPERATOR, CUDNN_REDUCE_TENSOR_ADD);
  if (mode != CUDNN_REDUCE_TENSOR_ADD) {
    throw std::runtime_error("reductions by cudnnReduceTensorOp_t " + std::to_string(mode) + " are not emulated");
  }
  const auto x_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_REDUCTION_XDESC));
  const auto y_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_REDUCTION_YDESC));
  return [=](Values& values) { values.write(y_info, sum_to(values.read(x_info), y_info.dims)); };
}

Operation make_matmul(const Record& record) {
  const auto a_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_MATMUL_ADESC));
  const auto b_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_MATMUL_BDESC));
  const auto c_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_MATMUL_CDESC));
  if (a_info.dims.size() != 3) throw std::runtime_error("matrix products of other than rank 3 are not emulated");
  return [=](Values& values) {
    const Array& a = values.read(a_info);
    const Array& b = values.read(b_info);
    Array c(c_info.dims);
    const std::int64_t rows = c.dims[1];
    const std::int64_t columns = c.dims[2];
    const std::int64_t inner = a.dims[2];
    for (std::int64_t batch = 0; batch < c.dims[0]; ++batch) {
      multiply(&a.data[batch % a.dims[0] * rows * inner], &b.data[batch % b.dims[0] * inner * columns],
               &c.data[batch * rows * columns], rows, inner, columns);
    }
    values.write(c_info, std::move(c));
  };
}

}  // namespace drift::emulator::cudnn
