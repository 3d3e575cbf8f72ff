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
  int below;             // input rows from the first output on, up to 5
  int columns_left;      // of the image, from the first output on
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
                 .columns_left = columns_left});
    if (++across < tiles_across) continue;
    across = 0;
    if (++down < tiles_down) continue;
    down = 0;
    ++image;
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

// Tiles side by side share what they read: so many of them are brought into a strip of memory first, as floats, through
// a map, with zeros where there is no image.
inline constexpr int kRun = 8, kStripColumns = kRun * kOut + kTap - 1;

// 16 channels of `columns` columns around a tile and those to the right of it, of which images have the first `right`
// from its first output on: to[kIn][kStripColumns][16].
template <class E, class Map>
DRIFT_WINOGRAD_INLINE void fill_strip(const E* from, Strides at, const Tile& tile, int columns, int right,
                                      const Map& map, float* to) {
  for (int row = 0; row < kIn; ++row) {
    float* const line = to + row * kStripColumns * kLanes;
    const bool inside = row == 0 ? tile.above > 0 : row - 1 < tile.below;
    const int begin = inside ? 1 - tile.left : columns, end = inside ? right + 1 : columns;
    const E* const pixels = from + (row - 1) * at.row - at.pixel;
    int column = 0;
    for (; column < begin; ++column) store(line + column * kLanes, splat(0));
#pragma GCC unroll 4
    for (; column < end; ++column) store(line + column * kLanes, map(load(pixels + column * at.pixel)));
    for (; column < columns; ++column) store(line + column * kLanes, splat(0));
  }
}

// A map of 16 channels, the one formula of all that read through it and of the mask that follows from it.
class MapOfChannels {
 public:
  __attribute__((always_inline)) MapOfChannels(const InputMap& map, int channel)
      : mean_(load(map.mean + channel)), scale_(load(map.scale + channel)), beta_(load(map.beta + channel)) {}

  __attribute__((always_inline)) Vector centred(Vector x) const { return x - mean_; }
  __attribute__((always_inline)) Vector before_relu(Vector centred) const {
    return multiply_add(centred, scale_, beta_);
  }

 private:
  Vector mean_, scale_, beta_;
};

// B^T d B of `count` tiles of images.
template <class E>
DRIFT_WINOGRAD_INLINE void gather_inputs(const Images& images, std::int64_t first, int count, Channels channels,
                                         const E* x, const InputMap& map, float* points, std::ptrdiff_t plane) {
  const Strides at{static_cast<std::ptrdiff_t>(images.width) * channels.all, channels.all};
  const auto least = [](int a, int b) { return a < b ? a : b; };
  const auto of_run = [&](int t, const Tile& tile, int run) __attribute__((always_inline)) {
    const int columns = run * kOut + kTap - 1, right = least(tile.columns_left, columns - 1);
    for (int c = 0; c < channels.count; c += kLanes) {
      const int channel = channels.first + c;
      const E* const from = x + tile.pixel * channels.all + channel;
      alignas(64) float strip[kIn * kStripColumns * kLanes];
      const auto fill = [&](const auto& mapped) __attribute__((always_inline)) {
        fill_strip(from, at, tile, columns, right, mapped, strip);
      };
      if (map.mean != nullptr) {
        const MapOfChannels of(map, channel);
        fill([&](Vector v) __attribute__((always_inline)) { return rectify(of.before_relu(of.centred(v))); });
      } else {
        fill([](Vector v) __attribute__((always_inline)) { return v; });
      }
      for (int i = 0; i < run; ++i) {
        const float* const place = strip + i * kOut * kLanes;
        const auto pixel = [&](int row, int column) __attribute__((always_inline)) {
          return load(place + (row * kStripColumns + column) * kLanes);
        };
        transform<InputSide>(pixel, points + static_cast<std::ptrdiff_t>(t + i) * channels.count + c, plane);
      }
    }
  };
  int next = 0;
  for_each_tile(
      images, first, count, [&](int t, const Tile& tile) __attribute__((always_inline)) {
        if (t < next) return;
        const int run = least(least(kRun, count - t), (tile.columns_left + kOut - 1) / kOut);
        of_run(t, tile, run);
        next = t + run;
      });
}

// A dy A^T of `count` tiles of gradients, which are read where they lie, those of partial tiles by masks.
template <class E>
DRIFT_WINOGRAD_INLINE void gather_gradients(const Images& images, std::int64_t first, int count, Channels channels,
                                            const E* dy, float* points, std::ptrdiff_t plane) {
  const Strides at{static_cast<std::ptrdiff_t>(images.width) * channels.all, channels.all};
  for_each_tile(
      images, first, count, [&](int t, const Tile& tile) __attribute__((always_inline)) {
        const E* const from = dy + tile.pixel * channels.all + channels.first;
        float* const to = points + static_cast<std::ptrdiff_t>(t) * channels.count;
        for (int c = 0; c < channels.count; c += kLanes) {
          const auto pixel = [&](int row, int column) __attribute__((always_inline)) {
            return load(from + c + row * at.row + column * at.pixel);
          };
          const auto pixel_or_zero = [&](int row, int column) __attribute__((always_inline)) {
            const bool inside = row < tile.rows && column < tile.columns;
            return load(from + c + row * at.row + column * at.pixel, inside ? kAllLanes : Mask{0});
          };
          tile.whole() ? transform<GradientSide>(pixel, to + c, plane)
                       : transform<GradientSide>(pixel_or_zero, to + c, plane);
        }
      });
}

// Writes the outputs of a tile, values[kOut][kOut][16], through a mask; x and y at the tile's first output.
template <class E>
DRIFT_WINOGRAD_INLINE void write_masked(const float* values, const Tile& tile, Strides at, const InputMap& map,
                                        int channel, const E* x, E* y, float* sums, float* moments) {
  const MapOfChannels of(map, channel);
  Vector sum = load(sums), moment = load(moments);
  const auto write = [&](int row, int column) __attribute__((always_inline)) {
    const std::ptrdiff_t place = row * at.row + column * at.pixel;
    const Vector centred = of.centred(load(x + place));
    const Vector value = times_passing(load(values + (row * kOut + column) * kLanes), of.before_relu(centred));
    store(y + place, value);
    const Vector stored = as_stored(y, value);
    sum = sum + stored;
    moment = multiply_add(stored, centred, moment);
  };
  if (tile.whole()) {
#pragma GCC unroll 4
    for (int row = 0; row < kOut; ++row) {
#pragma GCC unroll 4
      for (int column = 0; column < kOut; ++column) write(row, column);
    }
  } else {
    for (int row = 0; row < tile.rows; ++row) {
      for (int column = 0; column < tile.columns; ++column) write(row, column);
    }
  }
  store(sums, sum);
  store(moments, moment);
}

// y = A^T m A + bias of `count` tiles, of all channels, through the mask of a block; bias or nullptr.
template <class E>
DRIFT_WINOGRAD_INLINE void scatter_output(const Images& images, std::int64_t first, int count, int channels,
                                          const float* bias, const OutputMask& mask, const float* points,
                                          std::ptrdiff_t plane, E* y) {
  if (mask.x != nullptr) {
    for (int c = 0; c < 2 * channels; c += kLanes) store(mask.sums + c, splat(0));
  }
  const Strides at{static_cast<std::ptrdiff_t>(images.width) * channels, channels};
  constexpr Strides kCopied{kOut * kLanes, kLanes};
  const auto bias_of = [=](int c) { return bias != nullptr ? load(bias + c) : splat(0); };
  for_each_tile(
      images, first, count, [&](int t, const Tile& tile) __attribute__((always_inline)) {
        E* const to = y + tile.pixel * channels;
        const float* const from = points + static_cast<std::ptrdiff_t>(t) * channels;
        if (mask.x != nullptr) {
          const E* const x = static_cast<const E*>(mask.x) + tile.pixel * channels;
          for (int c = 0; c < channels; c += kLanes) {
            alignas(64) float values[kOut * kOut * kLanes];
            transform_output(from + c, plane, bias_of(c), values, kCopied);
            write_masked(values, tile, at, mask.map, c, x + c, to + c, mask.sums + c, mask.sums + channels + c);
          }
          return;
        }
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
