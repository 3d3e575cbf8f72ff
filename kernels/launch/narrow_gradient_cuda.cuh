// Gradients of the weights of narrow convolutions: for each tap of the window a product of matrices on tensor cores,
// dw [outputs, inputs] += dy [pixels, outputs] transposed x, moved by the tap, [pixels, inputs]. A block keeps the sums
// of all its tiles in registers; those of the blocks are then added as column sums are. Everything in a fixed order.
#pragma once

#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/launch/image_tile_cuda.cuh"

namespace drift::narrow_convolution {

// Each warp has 16x16 of the pairs of output and input channels, for all taps, and a share of the pixels.
template <int kChannels>
struct GradientShape {
  static constexpr int kGroups = kChannels / 16, kRoles = kGroups * kGroups;
  static constexpr int kShares = kChannels == 16 ? 4 : 2;
  static constexpr int kThreads = kRoles * kShares * tensor_core::kWarp;
  static constexpr int kCount = kChannels * kTaps * kChannels;  // elements of dw

  // As many as were fastest on 132 multiprocessors; on others, too, because they are the order of the sum.
  static int blocks(const TileGrid& grid) { return std::min(grid.count, kChannels == 16 ? 264 : 132); }
};

// The sums of a lane: [tap][half of the 16 input channels][as of a product].
using GradientSums = float[kTaps][2][4];

// Where the sums of a block lie: [role][tap][half][element][lane]. And where one of them belongs in dw [O,3,3,I].
__device__ inline int place_of_sum(int role, int tap, int half, int element, int lane) {
  return (((role * kTaps + tap) * 2 + half) * 4 + element) * tensor_core::kWarp + lane;
}

template <int kChannels>
struct StoreWeightGradient {
  float* dw;

  DRIFT_HD void operator()(std::int64_t, std::int64_t column, const double (&sums)[1]) const {
    const int place = static_cast<int>(column);
    const int lane = place % tensor_core::kWarp, element = place / tensor_core::kWarp % 4,
              half = place / (tensor_core::kWarp * 4) % 2;
    const int tap = place / (tensor_core::kWarp * 8) % kTaps, role = place / (tensor_core::kWarp * 8 * kTaps);
    const int output = role / GradientShape<kChannels>::kGroups * 16 + lane / 4 + element / 2 * 8;
    const int input = role % GradientShape<kChannels>::kGroups * 16 + half * 8 + lane % 4 * 2 + element % 2;
    dw[(output * kTaps + tap) * kChannels + input] = static_cast<float>(sums[0]);
  }
};

// Adds the shares of the pixels, one after the other, in `total` of shared memory, and copies it to `to`.
template <int kChannels>
__device__ void add_shares(const GradientSums& sums, float* total, float* to) {
  using Shape = GradientShape<kChannels>;
  const int role = tensor_core::warp_index() % Shape::kRoles, share = tensor_core::warp_index() / Shape::kRoles;
  for (int s = 0; s < Shape::kShares; ++s) {
    if (share == s) {
      DRIFT_UNROLL
      for (int i = 0; i < kTaps * 8; ++i) {
        float& sum = total[place_of_sum(role, i / 8, i / 4 % 2, i % 4, tensor_core::lane_index())];
        const float mine = sums[i / 8][i / 4 % 2][i % 4];
        sum = s == 0 ? mine : sum + mine;
      }
    }
    __syncthreads();
  }
  for (int i = static_cast<int>(threadIdx.x); i < Shape::kCount; i += Shape::kThreads) to[i] = total[i];
}

// A part's dy times x: a is [output channels, pixels], b is [pixels, input channels], moved by a tap. Both lie pixel by
// pixel, so dy is transposed on loading; and so is x, because the registers of b hold transposes.
template <int kChannels, int kWidth>
__global__ void __launch_bounds__(GradientShape<kChannels>::kThreads)
    gradient_3x3(const BFloat16* x, const BFloat16* dy, float* partials, TileGrid grid) {
  using Shape = GradientShape<kChannels>;
  using XTile = ImageTile<kChannels, kWidth, 1>;
  using DyTile = ImageTile<kChannels, kWidth, 0>;
  constexpr int kStage = XTile::kElements + DyTile::kElements;
  static_assert(2 * kStage * sizeof(BFloat16) >= Shape::kCount * sizeof(float));
  __shared__ __align__(128) BFloat16 shared[2][kStage];
  const int lane = tensor_core::lane_index(), role = tensor_core::warp_index() % Shape::kRoles;
  const int dy_segment = role / Shape::kGroups * 2 + lane / 8 % 2, x_segment = role % Shape::kGroups * 2 + lane / 16;
  const int dy_pixel = lane % 8 + lane / 16 * 8, x_pixel = lane % 16;
  const auto load = [&](const TileGrid::Place& place, int stage) {
    XTile{shared[stage]}.template load<Shape::kThreads>(x, grid, place);
    DyTile{shared[stage] + XTile::kElements}.template load<Shape::kThreads>(dy, grid, place);
  };
  GradientSums sums = {};
  for_each_tile(grid, load, [&](const TileGrid::Place& place, int stage) {
    const XTile x_tile{shared[stage]};
    const DyTile dy_tile{shared[stage] + XTile::kElements};
    for (int part = tensor_core::warp_index() / Shape::kRoles; part < place.rows * kWidth / kPartPixels;
         part += Shape::kShares) {
      const int row = part * kPartPixels / kWidth, column = part * kPartPixels % kWidth;
      const tensor_core::Fragments outputs =
          tensor_core::load_transposed(dy_tile.at(row, column + dy_pixel, dy_segment));
      DRIFT_UNROLL
      for (int tap = 0; tap < kTaps; ++tap) {
        const tensor_core::Fragments inputs =
            tensor_core::load_transposed(x_tile.at(row + tap / 3, column + tap % 3 + x_pixel, x_segment));
        tensor_core::multiply_add(sums[tap][0], outputs, inputs.of[0], inputs.of[1]);
        tensor_core::multiply_add(sums[tap][1], outputs, inputs.of[2], inputs.of[3]);
      }
    }
  });
  add_shares<kChannels>(sums, reinterpret_cast<float*>(shared), partials + std::int64_t{blockIdx.x} * Shape::kCount);
}

// Floats of workspace that weight_gradient needs.
template <int kChannels>
std::int64_t weight_gradient_workspace(const TensorView& x) {
  return std::int64_t{GradientShape<kChannels>::blocks(tiles_of(x))} * GradientShape<kChannels>::kCount;
}

template <int kChannels, int kWidth>
void weight_gradient(cudaStream_t stream, const TensorView& x, const TensorView& dy, const TensorView& dw,
                     float* partials) {
  using Shape = GradientShape<kChannels>;
  const TileGrid grid = tiles_of(x);
  const int blocks = Shape::blocks(grid);
  if (blocks > 0) {
    gradient_3x3<kChannels, kWidth>
        <<<blocks, Shape::kThreads, 0, stream>>>(x.as<BFloat16>(), dy.as<BFloat16>(), partials, grid);
    check_launch(__PRETTY_FUNCTION__, {x.shape[0], grid.height, kWidth * kChannels}, blocks, Shape::kThreads);
  }
  finish_column_sums<1>(stream, {1, x.shape.rows(), Shape::kCount}, partials, blocks,
                        StoreWeightGradient<kChannels>{dw.as<float>()});
}

}  // namespace drift::narrow_convolution
