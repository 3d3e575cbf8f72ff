#include "apps/convolutions.h"

#include <algorithm>
#include <fmt/format.h>

#include "apps/output.h"

namespace drift {

Json shape_json(const Shape& shape) {
  Json extents = Json::array();
  for (int axis = 0; axis < shape.rank(); ++axis) extents.push_back(shape[axis]);
  return extents;
}

Json convolutions_json(const std::vector<ConvolutionTrace>& convolutions) {
  Json rows = Json::array();
  for (const ConvolutionTrace& convolution : convolutions) {
    rows.push_back({{"layer", convolution.layer},
                    {"x", shape_json(convolution.x)},
                    {"w", shape_json(convolution.w)},
                    {"stride", convolution.window.stride},
                    {"forward", name_of(convolution.forward)},
                    {"backward_data", convolution.backward_data ? Json(name_of(*convolution.backward_data)) : Json()},
                    {"backward_weights", name_of(convolution.backward_weights)}});
  }
  return rows;
}

void print_convolutions(const std::vector<ConvolutionTrace>& convolutions) {
  std::size_t name_width = 5, x_width = 1;
  for (const ConvolutionTrace& convolution : convolutions) {
    name_width = std::max(name_width, convolution.layer.size());
    x_width = std::max(x_width, to_string(convolution.x).size());
  }
  const auto row = [&](std::string_view layer, std::string_view x, std::string_view kind, std::string_view outputs,
                       std::string_view forward, std::string_view data, std::string_view weights) {
    print("{:<{}}  {:<{}}  {:<5}  {:>7}  {:<8}  {:<13}  {}\n", layer, name_width, x, x_width, kind, outputs, forward,
          data, weights);
  };
  row("layer", "x", "conv", "outputs", "forward", "backward data", "backward weights");
  for (const ConvolutionTrace& convolution : convolutions) {
    row(convolution.layer, to_string(convolution.x),
        fmt::format("{0}x{0}/{1}", convolution.window.size, convolution.window.stride),
        std::to_string(convolution.w[0]), name_of(convolution.forward),
        convolution.backward_data ? name_of(*convolution.backward_data) : "-", name_of(convolution.backward_weights));
  }
}

}  // namespace drift
