// Convolution forward, backward-data and backward-filter in two dimensions, with stride, padding, dilation and groups.
// Direct loops over images, output pixels and filter taps; at each tap the channels meet in a small product of a vector
// and a matrix, or in an outer product, which run over contiguous channels. The order of all additions is fixed.
#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/emulator/cudnn/operations.h"

namespace drift::emulator::cudnn {

namespace {

enum class Direction { kForward, kBackwardData, kBackwardFilter };

struct Convolution {
  Direction direction;
  TensorInfo x, w, y;  // the images, the filters and the results, or their gradients
  std::array<std::int64_t, 2> padding, stride, dilation;
};

struct Sizes {
  explicit Sizes(const Convolution& convolution)
      : n(convolution.x.dims[0]),
        c(convolution.x.dims[1]),
        h(convolution.x.dims[2]),
        w(convolution.x.dims[3]),
        k(convolution.y.dims[1]),
        p(convolution.y.dims[2]),
        q(convolution.y.dims[3]),
        r(convolution.w.dims[2]),
        s(convolution.w.dims[3]),
        group_c(convolution.w.dims[1]),
        groups(c / group_c),
        group_k(k / groups) {}

  std::int64_t n, c, h, w, k, p, q, r, s, group_c, groups, group_k;
};

// Calls use(x offset, y offset, tap) for every output pixel of image n, group and filter tap that lies inside the
// image; the offsets lead to the group's first channel, taps are counted [group][r][s].
template <class Use>
void for_each_tap(const Convolution& convolution, const Sizes& size, std::int64_t n, Use use) {
  for (std::int64_t p = 0; p < size.p; ++p) {
    for (std::int64_t q = 0; q < size.q; ++q) {
      const std::int64_t y_pixel = ((n * size.p + p) * size.q + q) * size.k;
      for (std::int64_t r = 0; r < size.r; ++r) {
        const std::int64_t h = p * convolution.stride[0] - convolution.padding[0] + r * convolution.dilation[0];
        if (h < 0 || h >= size.h) continue;
        for (std::int64_t s = 0; s < size.s; ++s) {
          const std::int64_t w = q * convolution.stride[1] - convolution.padding[1] + s * convolution.dilation[1];
          if (w < 0 || w >= size.w) continue;
          const std::int64_t x_pixel = ((n * size.h + h) * size.w + w) * size.c;
          for (std::int64_t group = 0; group < size.groups; ++group) {
            use(x_pixel + group * size.group_c, y_pixel + group * size.group_k, (group * size.r + r) * size.s + s);
          }
        }
      }
    }
  }
}

enum class TapOrder { kRowsK, kRowsC };

// Calls copy(index in an Array of filters, index in taps) for every weight. An Array has [k][r][s][c]; taps have
// [group][r][s] and then a matrix whose rows are output channels (kRowsK) or input channels (kRowsC).
template <class Copy>
void for_each_weight(const Sizes& size, TapOrder order, Copy copy) {
  std::int64_t index = 0;
  for (std::int64_t k = 0; k < size.k; ++k) {
    const std::int64_t group = k / size.group_k;
    const std::int64_t row = k % size.group_k;
    for (std::int64_t rs = 0; rs < size.r * size.s; ++rs) {
      const std::int64_t tap = (group * size.r * size.s + rs) * size.group_k * size.group_c;
      for (std::int64_t c = 0; c < size.group_c; ++c, ++index) {
        copy(index, order == TapOrder::kRowsK ? tap + row * size.group_c + c : tap + c * size.group_k + row);
      }
    }
  }
}

std::vector<float> pack_taps(const Array& filters, const Sizes& size, TapOrder order) {
  std::vector<float> taps(filters.data.size());
  for_each_weight(size, order, [&](std::int64_t from, std::int64_t to) { taps[to] = filters.data[from]; });
  return taps;
}

using Lanes = float __attribute__((vector_size(32)));
constexpr std::int64_t kLanes = 8;

// out[0, kBlocks * 8) += vector * matrix, for that many of the matrix's columns; sums stay in registers.
template <int kBlocks>
void add_columns(const float* vector, std::int64_t rows, const float* matrix, std::int64_t columns, float* out) {
  Lanes sums[kBlocks];
  for (int block = 0; block < kBlocks; ++block) std::memcpy(&sums[block], out + block * kLanes, sizeof(Lanes));
  for (std::int64_t row = 0; row < rows; ++row) {
    for (int block = 0; block < kBlocks; ++block) {
      Lanes values;
      std::memcpy(&values, matrix + row * columns + block * kLanes, sizeof(Lanes));
      sums[block] += vector[row] * values;
    }
  }
  for (int block = 0; block < kBlocks; ++block) std::memcpy(out + block * kLanes, &sums[block], sizeof(Lanes));
}

// out[columns] += vector[rows] * matrix[rows][columns]
void add_vector_matrix(const float* vector, std::int64_t rows, const float* matrix, std::int64_t columns, float* out) {
  std::int64_t column = 0;
  for (; column + 4 * kLanes <= columns; column += 4 * kLanes) {
    add_columns<4>(vector, rows, matrix + column, columns, out + column);
  }
  for (; column + kLanes <= columns; column += kLanes) {
    add_columns<1>(vector, rows, matrix + column, columns, out + column);
  }
  for (; column < columns; ++column) {
    float sum = out[column];
    for (std::int64_t row = 0; row < rows; ++row) sum += vector[row] * matrix[row * columns + column];
    out[column] = sum;
  }
}

Array forward(const Convolution& convolution, const Array& x, const Array& filters) {
  const Sizes size(convolution);
  Array y(convolution.y.dims);
  const auto taps = pack_taps(filters, size, TapOrder::kRowsC);
  const std::int64_t tap_size = size.group_c * size.group_k;
  for (std::int64_t n = 0; n < size.n; ++n) {
    for_each_tap(convolution, size, n, [&](std::int64_t from, std::int64_t to, std::int64_t tap) {
      add_vector_matrix(&x.data[from], size.group_c, &taps[tap * tap_size], size.group_k, &y.data[to]);
    });
  }
  return y;
}

Array backward_data(const Convolution& convolution, const Array& dy, const Array& filters) {
  const Sizes size(convolution);
  Array dx(convolution.x.dims);
  const auto taps = pack_taps(filters, size, TapOrder::kRowsK);
  const std::int64_t tap_size = size.group_c * size.group_k;
  for (std::int64_t n = 0; n < size.n; ++n) {
    for_each_tap(convolution, size, n, [&](std::int64_t to, std::int64_t from, std::int64_t tap) {
      add_vector_matrix(&dy.data[from], size.group_k, &taps[tap * tap_size], size.group_c, &dx.data[to]);
    });
  }
  return dx;
}

// Sums each image on its own first: one float32 sum over all pixels of a batch would lose digits.
Array backward_filter(const Convolution& convolution, const Array& x, const Array& dy) {
  const Sizes size(convolution);
  Array dw(convolution.w.dims);
  std::vector<double> total(dw.data.size(), 0.0);
  std::vector<float> taps(dw.data.size());
  const std::int64_t tap_size = size.group_c * size.group_k;
  for (std::int64_t n = 0; n < size.n; ++n) {
    std::fill(taps.begin(), taps.end(), 0.0F);
    for_each_tap(convolution, size, n, [&](std::int64_t x_offset, std::int64_t y_offset, std::int64_t tap) {
      const float* image = &x.data[x_offset];
      for (std::int64_t k = 0; k < size.group_k; ++k) {
        const float gradient = dy.data[y_offset + k];
        float* row = &taps[tap * tap_size + k * size.group_c];
        for (std::int64_t c = 0; c < size.group_c; ++c) row[c] += gradient * image[c];
      }
    });
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += taps[i];
  }
  for_each_weight(size, TapOrder::kRowsK,
                  [&](std::int64_t to, std::int64_t from) { dw.data[to] = static_cast<float>(total[from]); });
  return dw;
}

struct Names {
  Direction direction;
  cudnnBackendAttributeName_t descriptor, x, w, y, alpha, beta;
};

Names names_of(cudnnBackendDescriptorType_t type) {
  if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR) {
    return {Direction::kForward,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  }
  if (type == CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR) {
    return {Direction::kBackwardData,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
  }
  return {Direction::kBackwardFilter,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

// alpha and beta are float or double, whichever type the program set them with.
double scale_value(const Record& record, cudnnBackendAttributeName_t name, double otherwise) {
  const auto found = record.attributes.find(name);
  if (found == record.attributes.end()) return otherwise;
  if (found->second.type == CUDNN_TYPE_DOUBLE) return record.value<double>(name, otherwise);
  return record.value<float>(name, static_cast<float>(otherwise));
}

std::array<std::int64_t, 2> pair_of(const Record& record, cudnnBackendAttributeName_t name) {
  const auto values = record.values<std::int64_t>(name);
  if (values.size() != 2) {
    throw std::runtime_error("convolutions over " + std::to_string(values.size()) + " axes are not emulated, only 2");
  }
  return {values[0], values[1]};
}

}  // namespace

Operation make_convolution(const Record& record) {
  const Names names = names_of(record.type);
  const auto descriptor = record.child(names.descriptor);
  if (descriptor == nullptr) throw std::runtime_error("a convolution lacks its descriptor");
  if (scale_value(record, names.alpha, 1.0) != 1.0 || scale_value(record, names.beta, 0.0) != 0.0) {
    throw std::runtime_error("convolutions with alpha != 1 or beta != 0 are not emulated");
  }
  if (descriptor->value(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION) != CUDNN_CROSS_CORRELATION) {
    throw std::runtime_error("convolutions with flipped filters are not emulated");
  }
  Convolution convolution{names.direction,
                          tensor_info(record.child(names.x)),
                          tensor_info(record.child(names.w)),
                          tensor_info(record.child(names.y)),
                          pair_of(*descriptor, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS),
                          pair_of(*descriptor, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES),
                          pair_of(*descriptor, CUDNN_ATTR_CONVOLUTION_DILATIONS)};
  return [convolution = std::move(convolution)](Values& values) {
    const auto& [direction, x, w, y, padding, stride, dilation] = convolution;
    switch (direction) {
      case Direction::kForward:
        return values.write(y, forward(convolution, values.read(x), values.read(w)));
      case Direction::kBackwardData:
        return values.write(x, backward_data(convolution, values.read(y), values.read(w)));
      case Direction::kBackwardFilter:
        return values.write(w, backward_filter(convolution, values.read(x), values.read(y)));
    }
  };
}

}  // namespace drift::emulator::cudnn
