// Weight gradients: for each block of tiles the products of B^T d B and A dy A^T at 36 points, added to the sums of a
// slice of all tiles. How tiles are cut into slices depends on shapes alone, and slices are added in order, so that the
// bits are the same for any number of threads.
#include "kernels/cpu/winograd/multiply.h"
#include "kernels/cpu/winograd/passes.h"
#include "kernels/cpu/winograd/prefetch.h"
#include "kernels/cpu/winograd/sums.h"
#include "kernels/cpu/winograd/tiles.h"

namespace drift::winograd {
namespace {

constexpr int kTiles = 16;                 // of a block
constexpr std::int64_t kSliceTiles = 256;  // at least, so that adding slices up costs little
constexpr std::int64_t kHalfTiles = 128;   // and so many where all are few, so that two threads have something to do
constexpr int kMostSlices = 16;
constexpr std::int64_t kMostSumFloats = std::int64_t{1} << 21;  // of all slices: 8 MiB

template <int kRows, int kVectors, bool kAdd>
DRIFT_WINOGRAD_INLINE void multiply_point(int count, int in, int out, const float* points, const float* gradients,
                                          float* sums) {
  for (int o = 0; o < out; o += kRows) {
    for (int i = 0; i < in; i += kVectors * kLanes) {
      multiply<kRows, kVectors, kAdd>(count, {gradients + o, out, 1}, {points + i, in},
                                      {sums + static_cast<std::ptrdiff_t>(o) * in + i, in});
    }
  }
}

// kChannels: of both panels, where it is known when compiling; 0 where it is not.
template <int kChannels, class E>
DRIFT_WINOGRAD_INLINE void correlate_slice(const CorrelatePass& pass, const E* x, const E* dy, Channels inputs,
                                           Channels outputs, Part tiles, float* sums, float* block) {
  const int in = kChannels > 0 ? kChannels : inputs.count, out = kChannels > 0 ? kChannels : outputs.count;
  const std::ptrdiff_t in_plane = plane_of(kTiles, in), out_plane = plane_of(kTiles, out);
  float* const gradients = block + kPoints * in_plane;
  const std::ptrdiff_t plane = sum_plane(pass.in, pass.out);
  for (std::int64_t first = tiles.begin; first < tiles.end; first += kTiles) {
    const int count = tiles.end - first < kTiles ? static_cast<int>(tiles.end - first) : kTiles;
    gather_inputs(pass.images, first, count, {inputs.all, inputs.first, in}, x, pass.map, block, in_plane);
    gather_gradients(pass.images, first, count, {outputs.all, outputs.first, out}, dy, gradients, out_plane);
    const std::ptrdiff_t pixels = kTiles * kOut * kOut, next = (first + kTiles) * kOut * kOut;
    Prefetch<Use::kRead> next_x(x + (next + pass.images.width) * inputs.all, pixels * inputs.all);
    Prefetch<Use::kRead> next_dy(dy + next * outputs.all, pixels * outputs.all);
    for (int p = 0; p < kPoints; ++p) {
      if constexpr (kChannels > 0) {
        next_x();
        next_dy();
      }
      const float *const of_x = block + p * in_plane, *const of_dy = gradients + p * out_plane;
      float* const to = sums + p * plane;
      constexpr int kVectors = kChannels > 0 && kChannels % 32 == 0 ? 2 : 1, kRows = 16 / kVectors;
      if (first == tiles.begin) {
        multiply_point<kRows, kVectors, false>(count, in, out, of_x, of_dy, to);
      } else {
        multiply_point<kRows, kVectors, true>(count, in, out, of_x, of_dy, to);
      }
    }
  }
}

template <class E>
void correlate_of(const CorrelatePass& pass, const E* x, const E* dy, float* sums, float* block, Part part) {
  const int in_panels = panels_of(pass.in), out_panels = panels_of(pass.out), slices = pass.slices();
  const std::int64_t tiles = pass.images.tiles();
  for (std::int64_t task = part.begin; task < part.end; ++task) {
    const int in_panel = static_cast<int>(task % in_panels),
              out_panel = static_cast<int>(task / in_panels % out_panels);
    const std::int64_t slice = task / in_panels / out_panels;
    const Part of_slice{tiles * slice / slices, tiles * (slice + 1) / slices};
    const Channels inputs{pass.in, in_panel * kPanel, panel_width(pass.in, in_panel)};
    const Channels outputs{pass.out, out_panel * kPanel, panel_width(pass.out, out_panel)};
    float* const to = sums + task * pass.sum_floats();
    const int channels = inputs.count == outputs.count ? inputs.count : 0;
    switch (channels) {
      case 16:
        correlate_slice<16>(pass, x, dy, inputs, outputs, of_slice, to, block);
        break;
      case 32:
        correlate_slice<32>(pass, x, dy, inputs, outputs, of_slice, to, block);
        break;
      case 64:
        correlate_slice<64>(pass, x, dy, inputs, outputs, of_slice, to, block);
        break;
      default:
        correlate_slice<0>(pass, x, dy, inputs, outputs, of_slice, to, block);
    }
  }
}

}  // namespace

int CorrelatePass::slices() const {
  const std::int64_t floats = sum_floats() * panels_of(in) * panels_of(out);
  std::int64_t slices = images.tiles() / kSliceTiles;
  if (slices < 2) slices = images.tiles() / kHalfTiles;
  if (slices > kMostSumFloats / floats) slices = kMostSumFloats / floats;
  if (slices > kMostSlices) slices = kMostSlices;
  return slices > 1 ? static_cast<int>(slices) : 1;
}
std::int64_t CorrelatePass::sum_floats() const {
  return kPoints * sum_plane(in, out);
}
std::int64_t CorrelatePass::block_floats() const {
  return kPoints * (plane_of(kTiles, panel_width(in, 0)) + plane_of(kTiles, panel_width(out, 0)));
}

void correlate(const CorrelatePass& pass, const float* x, const float* dy, float* sums, float* block, Part part) {
  correlate_of(pass, x, dy, sums, block, part);
}
void correlate(const CorrelatePass& pass, const std::uint16_t* x, const std::uint16_t* dy, float* sums, float* block,
               Part part) {
  correlate_of(pass, x, dy, sums, block, part);
}

}  // namespace drift::winograd
