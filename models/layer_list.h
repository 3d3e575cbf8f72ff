// LayerList writes the rows of `drift describe` in the order the network computes: it follows the shape of one image
// through the layers. One row per op that makes an output, so that outputs add up to the activation memory of a forward
// pass.
#pragma once

#include <string>
#include <vector>

#include "engine/nn/conv2d.h"
#include "engine/nn/linear.h"
#include "models/registry.h"

namespace drift {

class LayerList {
 public:
  explicit LayerList(const Shape& input) : shape_(input) {}

  void convolution(std::string name, const Conv2dOptions& options);
  // Scale and shift per channel.
  void norm(std::string name, std::string kind);
  void elementwise(std::string name, std::string kind);
  void pool(std::string name, Pooling pooling, Window window);
  void global_average_pool(std::string name);
  // An output beside the main path: the next row continues from the shape before.
  void shortcut(std::string name, std::int64_t stride, const Shape& output);
  // The rows of a branch beside the main path: the next row continues from the shape before.
  void branch(LayerList side);
  void linear(std::string name, const LinearOptions& options);

  const Shape& shape() const { return shape_; }
  std::vector<LayerInfo> take() { return std::move(rows_); }

 private:
  Shape shape_;  // of one image behind the last row: [H,W,C] or [C]
  std::vector<LayerInfo> rows_;
};

}  // namespace drift
