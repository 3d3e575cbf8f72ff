// How images are cut into tiles of four by four output pixels, and the way of tiles between images and the blocks of
// transformed values that are multiplied. Tiles at the right and lower edge may be partial: what is outside is read as
// zero and not written.
#pragma once

#include "kernels/cpu/winograd/passes.h"
#include "kernels/cpu/winograd/transforms.h"

namespace drift::winograd {

struct Tile {
  std::ptrdiff_t pixel;  // of its first output, counted through all images
  int rows, columns;     // outputs that exist
  int above, left;       // input rows and columns before the first output, 0 or 1
  int below, right;      // input rows and columns from the first output on, up to 5
  bool whole() const { return rows == kOut && columns == kOut; }
};

// body(t, tile) for tile `first + t`, t < count.
template <class Body>
DRIFT_WINOGRAD_INLINE void for_each_tile(const Images& images, std::int64_t first, int count, const Body& body) {
  const int tiles_across = images.tiles_across(), tiles_down = images.tiles_down();
  int across = static_cast<int>(first % tiles_across), down = static_cast<int>(first / tiles_across % tiles_down);
  std::int64_t image = first / tiles_across / tiles_down;
  const auto least = [](int a, int b) { return a < b ? a : b; };
  for (int t = 0; t < count; ++t) {
    const int row = down * kOut, column = across * kOut;
    const int rows_left = images.height - row, columns_left = images.width - column;
    body(t, Tile{.pixel = (static_cast<std::ptrdiff_t>(image) * images.height + row) * images.width + column,
                 .rows = least(kOut, rows_left),
                 .columns = least(kOut, columns_left),
                 .above = down > 0,
                 .left = across > 0,
                 .below = least(kIn - 1, rows_left),
                 .right = least(kIn - 1, columns_left)});
    if (++across < tiles_across) continue;
    across = 0;
    if (++down < tiles_down) continue;
    down = 0;
    ++image;
  }
}

// The 16 channels at `from`, the first output of a tile, and of the pixels around it that a side reads, zeros where
// they are outside the image: to[kSize][kSize][16].
template <class Side, class E>
DRIFT_WINOGRAD_INLINE void copy_with_zeros(const E* from, Strides at, const Tile& tile, E* to) {
  constexpr bool kAround = Side::kOrigin == 1;
  for (int i = 0; i < Side::kSize * Side::kSize * kLanes; ++i) to[i] = 0;
  const int row_end = kAround ? tile.below : tile.rows, column_end = kAround ? tile.right : tile.columns;
  for (int row = kAround ? -tile.above : 0; row < row_end; ++row) {
    for (int column = kAround ? -tile.left : 0; column < column_end; ++column) {
      __builtin_memcpy(to + ((row + Side::kOrigin) * Side::kSize + column + Side::kOrigin) * kLanes,
                       from + row * at.row + column * at.pixel, kLanes * sizeof(E));
    }
  }
}

// Channels [first, first + count) of an image whose pixels have `all`.
struct Channels {
  int all, first, count;
};

// Values at 36 points of `tiles` tiles of some channels: [point][tile][channel]. A vector more between points keeps
// them from falling into the same sets of the caches.
DRIFT_WINOGRAD_INLINE std::ptrdiff_t plane_of(int tiles, int channels) {
  return static_cast<std::ptrdiff_t>(tiles) * channels + kLanes;
}

// B^T d B or A dy A^T of `count` tiles of images. Tiles that are whole are read where they lie, the outermost rows and
// columns of their inputs by masks that leave out what is not there; of partial ones a copy.
template <class Side, class E>
DRIFT_WINOGRAD_INLINE void gather(const Images& images, std::int64_t first, int count, Channels channels, const E* x,
                                  float* points, std::ptrdiff_t plane) {
  constexpr int kSize = Side::kSize, kOrigin = Side::kOrigin;
  const Strides at{static_cast<std::ptrdiff_t>(images.width) * channels.all, channels.all};
  const auto mask = [](bool inside) { return inside ? kAllLanes : Mask{0}; };
  for_each_tile(
      images, first, count, [&](int t, const Tile& tile) __attribute__((always_inline)) {
        const E* const from = x + tile.pixel * channels.all + channels.first;
        float* const to = points + static_cast<std::ptrdiff_t>(t) * channels.count;
        const Mask top = mask(tile.above), bottom = mask(tile.below == kIn - 1);
        const Mask left = mask(tile.left), right = mask(tile.right == kIn - 1);
        for (int c = 0; c < channels.count; c += kLanes) {
          if (tile.whole()) {
            const auto pixel = [&](int row, int column) __attribute__((always_inline)) {
              const E* const place = from + c + (row - kOrigin) * at.row + (column - kOrigin) * at.pixel;
              if (kOrigin == 0) return load(place);
              const Mask in_row = row == 0 ? top : row == kSize - 1 ? bottom : kAllLanes;
              const Mask in_column = column == 0 ? left : column == kSize - 1 ? right : kAllLanes;
              const bool outermost = row % (kSize - 1) == 0 || column % (kSize - 1) == 0;
              return outermost ? load(place, in_row & in_column) : load(place);
            };
            transform<Side>(pixel, to + c, plane);
          } else {
            alignas(64) E copy[kSize * kSize * kLanes];
            copy_with_zeros<Side>(from + c, at, tile, copy);
            transform<Side>(
                [&](int row, int column)
                    __attribute__((always_inline)) { return load(copy + (row * kSize + column) * kLanes); },
                to + c, plane);
          }
        }
      });
}

// y = A^T m A + bias of `count` tiles, of all channels; bias or nullptr.
template <class E>
DRIFT_WINOGRAD_INLINE void scatter_output(const Images& images, std::int64_t first, int count, int channels,
                                          const float* bias, const float* points, std::ptrdiff_t plane, E* y) {
  const Strides at{static_cast<std::ptrdiff_t>(images.width) * channels, channels};
  constexpr Strides kCopied{kOut * kLanes, kLanes};
  const auto bias_of = [=](int c) { return bias != nullptr ? load(bias + c) : splat(0); };
  for_each_tile(
      images, first, count, [&](int t, const Tile& tile) __attribute__((always_inline)) {
        E* const to = y + tile.pixel * channels;
        const float* const from = points + static_cast<std::ptrdiff_t>(t) * channels;
        if (tile.whole()) {
          for (int c = 0; c < channels; c += kLanes) transform_output(from + c, plane, bias_of(c), to + c, at);
          return;
        }
        for (int c = 0; c < channels; c += kLanes) {
          alignas(64) E copy[kOut * kOut * kLanes];
          transform_output(from + c, plane, bias_of(c), copy, kCopied);
          for (int row = 0; row < tile.rows; ++row) {
            for (int column = 0; column < tile.columns; ++column) {
              __builtin_memcpy(to + c + row * at.row + column * at.pixel, copy + (row * kOut + column) * kLanes,
                               kLanes * sizeof(E));
            }
          }
        }
      });
}

}  // namespace drift::winograd
