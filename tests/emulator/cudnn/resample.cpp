// Pooling over two axes: maximum (with the index of the winner inside its window, counted row by row) and average,
// forward and backward. Backward of a maximum needs the index; the real library is left to refuse or accept the rest.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/emulator/cudnn/operations.h"

namespace drift::emulator::cudnn {

namespace {

struct Resample {
  cudnnResampleMode_t mode;
  std::array<std::int64_t, 2> window, stride, padding;
};

std::array<std::int64_t, 2> whole_numbers(const Record& record, cudnnBackendAttributeName_t name) {
  const auto& found = record.attributes.at(name);
  if (found.count != 2) throw std::runtime_error("resampling of other than 2 axes is not emulated");
  std::array<std::int64_t, 2> result{};
  if (found.type == CUDNN_TYPE_INT64) {
    const auto values = record.values<std::int64_t>(name);
    std::copy(values.begin(), values.end(), result.begin());
    return result;
  }
  const auto fractions = record.values<cudnnFraction_t>(name);
  for (std::size_t i = 0; i < 2; ++i) {
    if (fractions[i].denominator != 1) throw std::runtime_error("resampling by a fraction is not emulated");
    result[i] = fractions[i].numerator;
  }
  return result;
}

Resample resample_of(const Record& record, cudnnBackendAttributeName_t descriptor_name) {
  const auto descriptor = record.child(descriptor_name);
  if (descriptor == nullptr) throw std::runtime_error("a resampling lacks its descriptor");
  const Resample resample{descriptor->value(CUDNN_ATTR_RESAMPLE_MODE, CUDNN_RESAMPLE_NEAREST),
                          whole_numbers(*descriptor, CUDNN_ATTR_RESAMPLE_WINDOW_DIMS),
                          whole_numbers(*descriptor, CUDNN_ATTR_RESAMPLE_STRIDES),
                          whole_numbers(*descriptor, CUDNN_ATTR_RESAMPLE_PRE_PADDINGS)};
  const auto padding = descriptor->value(CUDNN_ATTR_RESAMPLE_PADDING_MODE, CUDNN_ZERO_PAD);
  const bool maximum = resample.mode == CUDNN_RESAMPLE_MAXPOOL;
  const bool average = resample.mode == CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING ||
                       resample.mode == CUDNN_RESAMPLE_AVGPOOL_EXCLUDE_PADDING;
  if (!(maximum && padding == CUDNN_NEG_INF_PAD) && !(average && padding == CUDNN_ZERO_PAD)) {
    throw std::runtime_error("resample mode " + std::to_string(resample.mode) + " with padding mode " +
                             std::to_string(padding) + " is not emulated");
  }
  return resample;
}

// For every window: calls open(y offset), then use(x offset, y offset, index in the window) for its pixels inside the
// image, then close(y offset, pixels inside). Offsets lead to a pixel's first channel. x and y have dims N, C, H, W.
template <class Open, class Use, class Close>
void for_each_window(const Resample& resample, const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& y,
                     Open open, Use use, Close close) {
  const std::int64_t channels = x[1];
  std::int64_t y_offset = 0;
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t p = 0; p < y[2]; ++p) {
      for (std::int64_t q = 0; q < y[3]; ++q, y_offset += channels) {
        open(y_offset);
        std::int64_t inside = 0;
        for (std::int64_t r = 0; r < resample.window[0]; ++r) {
          const std::int64_t h = p * resample.stride[0] - resample.padding[0] + r;
          if (h < 0 || h >= x[2]) continue;
          for (std::int64_t s = 0; s < resample.window[1]; ++s) {
            const std::int64_t w = q * resample.stride[1] - resample.padding[1] + s;
            if (w < 0 || w >= x[3]) continue;
            use(((n * x[2] + h) * x[3] + w) * channels, y_offset, r * resample.window[1] + s);
            ++inside;
          }
        }
        close(y_offset, inside);
      }
    }
  }
}

float average_factor(const Resample& resample, std::int64_t inside) {
  const bool all = resample.mode == CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING;
  return 1.0F / static_cast<float>(all ? resample.window[0] * resample.window[1] : inside);
}

// The first of equal values wins; NaN wins over numbers.
void maximum_forward(const Resample& resample, const Array& x, Array& y, Array& index) {
  const std::int64_t channels = x.channels();
  const auto open = [&](std::int64_t to) {
    std::fill_n(&y.data[to], channels, -std::numeric_limits<float>::infinity());
  };
  const auto use = [&](std::int64_t from, std::int64_t to, std::int64_t position) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = x.data[from + c];
      if (!(value > y.data[to + c] || (std::isnan(value) && !std::isnan(y.data[to + c])))) continue;
      y.data[to + c] = value;
      index.data[to + c] = static_cast<float>(position);
    }
  };
  for_each_window(resample, x.dims, y.dims, open, use, [](std::int64_t, std::int64_t) {});
}

void average_forward(const Resample& resample, const Array& x, Array& y) {
  const std::int64_t channels = x.channels();
  const auto use = [&](std::int64_t from, std::int64_t to, std::int64_t) {
    for (std::int64_t c = 0; c < channels; ++c) y.data[to + c] += x.data[from + c];
  };
  const auto close = [&](std::int64_t to, std::int64_t inside) {
    const float factor = average_factor(resample, inside);
    for (std::int64_t c = 0; c < channels; ++c) y.data[to + c] *= factor;
  };
  for_each_window(
      resample, x.dims, y.dims, [](std::int64_t) {}, use, close);
}

void maximum_backward(const Resample& resample, const Array& dy, const Array& index, Array& dx) {
  const std::int64_t channels = dy.channels();
  const auto use = [&](std::int64_t to, std::int64_t from, std::int64_t position) {
    for (std::int64_t c = 0; c < channels; ++c) {
      if (index.data[from + c] == static_cast<float>(position)) dx.data[to + c] += dy.data[from + c];
    }
  };
  for_each_window(
      resample, dx.dims, dy.dims, [](std::int64_t) {}, use, [](std::int64_t, std::int64_t) {});
}

void average_backward(const Resample& resample, const Array& dy, Array& dx) {
  const std::int64_t channels = dy.channels();
  std::vector<std::int64_t> pixels;  // of the window, known only when it is closed
  const auto use = [&](std::int64_t to, std::int64_t, std::int64_t) { pixels.push_back(to); };
  const auto close = [&](std::int64_t from, std::int64_t inside) {
    const float factor = average_factor(resample, inside);
    for (const std::int64_t to : pixels) {
      for (std::int64_t c = 0; c < channels; ++c) dx.data[to + c] += dy.data[from + c] * factor;
    }
  };
  for_each_window(
      resample, dx.dims, dy.dims, [&](std::int64_t) { pixels.clear(); }, use, close);
}

std::optional<TensorInfo> optional_info(const RecordPointer& tensor) {
  if (tensor == nullptr) return std::nullopt;
  return tensor_info(tensor);
}

}  // namespace

Operation make_resample_forward(const Record& record) {
  const Resample resample = resample_of(record, CUDNN_ATTR_OPERATION_RESAMPLE_FWD_DESC);
  const auto x_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_RESAMPLE_FWD_XDESC));
  const auto y_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_RESAMPLE_FWD_YDESC));
  const auto index_info = optional_info(record.child(CUDNN_ATTR_OPERATION_RESAMPLE_FWD_IDXDESC));
  return [=](Values& values) {
    const Array& x = values.read(x_info);
    Array y(y_info.dims);
    if (resample.mode == CUDNN_RESAMPLE_MAXPOOL) {
      Array index(y_info.dims);
      maximum_forward(resample, x, y, index);
      if (index_info) values.write(*index_info, std::move(index));
    } else {
      average_forward(resample, x, y);
    }
    values.write(y_info, std::move(y));
  };
}

Operation make_resample_backward(const Record& record) {
  const Resample resample = resample_of(record, CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DESC);
  const auto dy_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DYDESC));
  const auto dx_info = tensor_info(record.child(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_DXDESC));
  const auto index_info = optional_info(record.child(CUDNN_ATTR_OPERATION_RESAMPLE_BWD_IDXDESC));
  const bool maximum = resample.mode == CUDNN_RESAMPLE_MAXPOOL;
  if (maximum && !index_info) throw std::runtime_error("max pooling backward without an index is not emulated");
  return [=](Values& values) {
    const Array& dy = values.read(dy_info);
    Array dx(dx_info.dims);
    if (maximum) {
      maximum_backward(resample, dy, values.read(*index_info), dx);
    } else {
      average_backward(resample, dy, dx);
    }
    values.write(dx_info, std::move(dx));
  };
}

}  // namespace drift::emulator::cudnn
