#include "kernels/cuda/cudnn/split_sum.h"

#include <algorithm>

namespace drift {
namespace {

constexpr std::int64_t kTile = 64;  // rows and columns of dw, as [O, k*k*I], that one block makes
constexpr std::int64_t kBlocksPerMultiprocessor = 2;
constexpr std::int64_t kLeastPositions = 256;
constexpr std::int64_t kMostParts = 128;  // that cuDNN takes

std::int64_t tiles(std::int64_t extent) {
  return (extent + kTile - 1) / kTile;
}

}  // namespace

std::int64_t parts_of_sum(const ConvolutionGraph& weight_gradient, std::int64_t multiprocessors) {
  const Shape& w = weight_gradient.w;
  const std::int64_t blocks = tiles(w[0]) * tiles(w[1] * w[2] * w[3]);
  const std::int64_t wanted = kBlocksPerMultiprocessor * multiprocessors;
  const std::int64_t parts =
      std::min({(wanted + blocks - 1) / blocks, weight_gradient.y.rows() / kLeastPositions, kMostParts});
  return std::max<std::int64_t>(parts, 1);
}

}  // namespace drift
