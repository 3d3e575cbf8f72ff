// Narrow convolutions forward and their gradients of x, 16 to 16 channels: y = conv(x, w), and dx = conv(dy, w turned
// by 180 degrees and transposed). Each tap of the window is a product of matrices on tensor cores, and all are summed
// in registers: y [pixels, outputs] += x, moved by the tap, [pixels, inputs] w [inputs, outputs].
#pragma once

#include "kernels/launch/check_launch.h"
#include "kernels/launch/image_tile_cuda.cuh"
#include "kernels/math/packet.h"

namespace drift::narrow_convolution {

struct ConvolutionShape {
  static constexpr int kChannels = 16;
  static constexpr int kWarps = 4, kThreads = kWarps * tensor_core::kWarp;
  static constexpr int kMostBlocks = 528;  // as many as were fastest on 132 multiprocessors
};

// b of every product: [tap][half of the outputs][half of the inputs].
struct WeightFragments {
  std::uint32_t of[kTaps][2][2];
};

// From w [O,3,3,I]. Backward, outputs are its last index, inputs its first, and the taps are turned.
template <bool kBackward>
__device__ WeightFragments read_weights(const BFloat16* w) {
  WeightFragments fragments;
  const int output = tensor_core::lane_index() / 4, input = tensor_core::lane_index() % 4 * 2;
  DRIFT_UNROLL
  for (int i = 0; i < kTaps * 4; ++i) {
    const int tap = i / 4, o = output + i / 2 % 2 * 8, c = input + i % 2 * 8;
    const auto at = [&](int row, int column) {
      return w + (row * kTaps + (kBackward ? 8 - tap : tap)) * ConvolutionShape::kChannels + column;
    };
    fragments.of[tap][i / 2 % 2][i % 2] = kBackward ? at(c, o)->bits | std::uint32_t{at(c + 1, o)->bits} << 16
                                                    : *reinterpret_cast<const std::uint32_t*>(at(o, c));
  }
  return fragments;
}

// A part's pixels times weights: a is [pixels, input channels], one tap at a time; the sums are [pixels, outputs].
template <int kWidth, bool kBackward>
__global__ void __launch_bounds__(ConvolutionShape::kThreads)
    convolve_3x3(const BFloat16* x, const BFloat16* w, BFloat16* y, TileGrid grid) {
  using Shape = ConvolutionShape;
  using Tile = ImageTile<Shape::kChannels, kWidth, 1>;
  __shared__ __align__(128) BFloat16 shared[2][Tile::kElements];
  const int lane = tensor_core::lane_index();
  const WeightFragments weights = read_weights<kBackward>(w);
  const auto load = [&](const TileGrid::Place& place, int stage) {
    Tile{shared[stage]}.template load<Shape::kThreads>(x, grid, place);
  };
  for_each_tile(grid, load, [&](const TileGrid::Place& place, int stage) {
    const Tile tile{shared[stage]};
    for (int part = tensor_core::warp_index(); part < place.rows * kWidth / kPartPixels; part += Shape::kWarps) {
      const int row = part * kPartPixels / kWidth, column = part * kPartPixels % kWidth;
      float sums[2][4] = {};
      DRIFT_UNROLL
      for (int tap = 0; tap < kTaps; ++tap) {
        const tensor_core::Fragments pixels = tensor_core::load_matrices(
            tile.at(row + tap / 3, column + tap % 3 + lane % kPartPixels, lane / kPartPixels));
        DRIFT_UNROLL
        for (int n = 0; n < 2; ++n) {
          tensor_core::multiply_add(sums[n], pixels, weights.of[tap][n][0], weights.of[tap][n][1]);
        }
      }
      const std::int64_t first = (place.image * grid.height + place.first_row + row) * kWidth + column + lane / 4;
      DRIFT_UNROLL
      for (int n = 0; n < 2; ++n) {
        BFloat16* const to = y + first * Shape::kChannels + n * 8 + lane % 4 * 2;
        *reinterpret_cast<std::uint32_t*>(to) = narrow(sums[n][0], sums[n][1]);
        *reinterpret_cast<std::uint32_t*>(to + 8 * Shape::kChannels) = narrow(sums[n][2], sums[n][3]);
      }
    }
  });
}

template <int kWidth, bool kBackward>
void convolve(cudaStream_t stream, const TensorView& x, const TensorView& w, const TensorView& y) {
  using Shape = ConvolutionShape;
  const TileGrid grid = tiles_of(x);
  if (grid.count == 0) return;
  const int blocks = std::min(grid.count, Shape::kMostBlocks);
  convolve_3x3<kWidth, kBackward>
      <<<blocks, Shape::kThreads, 0, stream>>>(x.as<BFloat16>(), w.as<BFloat16>(), y.as<BFloat16>(), grid);
  check_launch(__PRETTY_FUNCTION__, {x.shape[0], grid.height, kWidth * Shape::kChannels}, blocks, Shape::kThreads);
}

}  // namespace drift::narrow_convolution
