// See layer_list.h.
#include "models/layer_list.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <utility>

namespace drift {

void LayerList::convolution(std::string name, const Conv2dOptions& options) {
  const Window& window = options.window;
  shape_ = {window.output_extent(shape_[0]), window.output_extent(shape_[1]), options.out_channels};
  const std::int64_t weights = options.out_channels * window.size * window.size * options.in_channels;
  rows_.push_back({.name = std::move(name),
                   .kind = fmt::format("conv {0}x{0}/{1}", window.size, window.stride),
                   .output = shape_,
                   .parameters = weights + (options.bias ? options.out_channels : 0),
                   .multiply_adds = shape_.rows() * weights});
}

void LayerList::norm(std::string name, std::string kind) {
  rows_.push_back(
      {.name = std::move(name), .kind = std::move(kind), .output = shape_, .parameters = 2 * shape_.channels()});
}

void LayerList::elementwise(std::string name, std::string kind) {
  rows_.push_back({.name = std::move(name), .kind = std::move(kind), .output = shape_});
}

void LayerList::pool(std::string name, Pooling pooling, Window window) {
  shape_ = {window.output_extent(shape_[0]), window.output_extent(shape_[1]), shape_.channels()};
  rows_.push_back({.name = std::move(name),
                   .kind = fmt::format("{0} pool {1}x{1}/{2}", pooling == Pooling::kMax ? "max" : "average",
                                       window.size, window.stride),
                   .output = shape_});
}

void LayerList::global_average_pool(std::string name) {
  shape_ = {shape_.channels()};
  rows_.push_back({.name = std::move(name), .kind = "global average pool", .output = shape_});
}

void LayerList::shortcut(std::string name, std::int64_t stride, const Shape& output) {
  rows_.push_back({.name = std::move(name), .kind = fmt::format("shortcut /{}", stride), .output = output});
}

void LayerList::branch(LayerList side) {
  std::move(side.rows_.begin(), side.rows_.end(), std::back_inserter(rows_));
}

void LayerList::linear(std::string name, const LinearOptions& options) {
  shape_ = {options.out_features};
  const std::int64_t weights = options.in_features * options.out_features;
  rows_.push_back({.name = std::move(name),
                   .kind = "linear",
                   .output = shape_,
                   .parameters = weights + options.out_features,
                   .multiply_adds = weights});
}

}  // namespace drift
