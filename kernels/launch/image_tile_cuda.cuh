// A tile: some rows of a bfloat16 image [H,W,C] in shared memory, with a border of neighbouring pixels around them.
// What lies outside the image is zero, as a convolution's padding is. A block takes one tile after the other and copies
// the next one while it computes.
#pragma once

#include "core/dtype.h"
#include "kernels/launch/index_space.h"
#include "kernels/launch/tensor_core_cuda.cuh"
#include "kernels/tensor_view.h"

namespace drift {

inline constexpr int kTaps = 9;         // pixels of a 3x3 window, around which a tile has a border of one
inline constexpr int kPartPixels = 16;  // neighbours in a row, what a warp multiplies at a time

// Of the tiles of a batch [N,H,...], kTileRows rows high, the last of an image maybe less. Numbered image by image.
inline constexpr int kTileRows = 8;
struct TileGrid {
  int height, per_image, count;

  struct Place {
    std::int64_t image;
    int first_row, rows;
  };
  __device__ Place operator[](int tile) const {
    const int first_row = tile % per_image * kTileRows;
    return {tile / per_image, first_row, min(kTileRows, height - first_row)};
  }
};

inline TileGrid tiles_of(const TensorView& images) {
  const auto height = static_cast<int>(images.shape[1]);
  const int per_image = static_cast<int>(ceil_div(height, kTileRows));
  return {height, per_image, static_cast<int>(images.shape[0]) * per_image};
}

template <int kChannels, int kWidth, int kBorder>
struct ImageTile {
  static constexpr int kSegments = kChannels / 8;  // of 16 bytes, the unit of cp.async and ldmatrix
  static constexpr int kRowPixels = kWidth + 2 * kBorder;
  static constexpr int kPixels = (kTileRows + 2 * kBorder) * kRowPixels;
  static constexpr int kElements = kPixels * kChannels;

  BFloat16* shared;

  // Channels 8 segment ... 8 segment + 7 of a pixel. ldmatrix takes the same segment of 8 neighbouring pixels at once,
  // which is fastest from 8 different places in lines of 128 bytes; so the segments of the pixels of each further line
  // change places (a swizzle).
  __device__ BFloat16* at(int row, int column, int segment) const { return at(row * kRowPixels + column, segment); }
  __device__ BFloat16* at(int pixel, int segment) const {
    constexpr int kLinePixels = 64 / kChannels;
    return shared + pixel * kChannels + (segment ^ (pixel / kLinePixels % kSegments)) * 8;
  }

  // Starts to copy the tile of a batch of images; all kThreads of the block call.
  template <int kThreads>
  __device__ void load(const BFloat16* images, const TileGrid& grid, const TileGrid::Place& place) const {
    const BFloat16* const image = images + place.image * grid.height * kWidth * kChannels;
    for (int i = static_cast<int>(threadIdx.x); i < kPixels * kSegments; i += kThreads) {
      const int pixel = i / kSegments, segment = i % kSegments;
      const int y = place.first_row + pixel / kRowPixels - kBorder, x = pixel % kRowPixels - kBorder;
      const bool inside = y >= 0 && y < grid.height && x >= 0 && x < kWidth;
      const BFloat16* const from = inside ? image + (y * kWidth + x) * kChannels + segment * 8 : image;
      tensor_core::copy_async(at(pixel, segment), from, inside);
    }
  }
};

// Runs compute(tile, stage) for each tile of this block, when load(tile, stage) has brought it; the next one is loaded
// to the other of two stages of shared memory meanwhile.
template <class Load, class Compute>
__device__ void for_each_tile(const TileGrid& grid, const Load& load, const Compute& compute) {
  const int step = static_cast<int>(gridDim.x);
  int stage = 0;
  load(grid[static_cast<int>(blockIdx.x)], stage);
  tensor_core::commit_copies();
  for (int tile = static_cast<int>(blockIdx.x); tile < grid.count; tile += step, stage ^= 1) {
    if (tile + step < grid.count) load(grid[tile + step], stage ^ 1);
    tensor_core::commit_copies();
    tensor_core::wait_for_copies<1>();
    __syncthreads();
    compute(grid[tile], stage);
    __syncthreads();
  }
}

}  // namespace drift
