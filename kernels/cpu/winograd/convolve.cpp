// Blocks of tiles: B^T d B into a block of memory that the caches hold, 36 matrix products, A^T m A out of it. Forward
// and backward data are the same pass with other filters.
#include "kernels/cpu/winograd/multiply.h"
#include "kernels/cpu/winograd/passes.h"
#include "kernels/cpu/winograd/prefetch.h"
#include "kernels/cpu/winograd/tiles.h"

namespace drift::winograd {
namespace {

constexpr int kFewTiles = 8;    // 36 points x 8 tiles x 16 channels: 18 KiB
constexpr int kManyTiles = 32;  // so many share what is read of large filters

bool has_own_loop(int in, int out) {
  return in == out && (in == 16 || in == 32 || in == 64);
}

DRIFT_WINOGRAD_INLINE OutputMask mask_of_block(const ConvolvePass& pass, std::int64_t block) {
  if (pass.mask.x == nullptr) return {};
  return {pass.mask.x, pass.mask.map, pass.mask.sums + block * 2 * pass.out};
}

// Few channels, their number known when compiling: a row of the product fits into registers, so products take the place
// of what they were made of.
template <int kChannels, class E>
void convolve_few(const ConvolvePass& pass, const E* x, const float* filters, E* y, float* block, Part part) {
  constexpr std::ptrdiff_t kPlane = static_cast<std::ptrdiff_t>(kFewTiles) * kChannels + kLanes;
  constexpr int kRows = kChannels == 64 ? 4 : 8;
  const std::int64_t tiles = pass.images.tiles();
  const std::ptrdiff_t pixels = kFewTiles * kOut * kOut;
  for (std::int64_t b = part.begin; b < part.end; ++b) {
    const std::int64_t first = b * kFewTiles;
    const int count = tiles - first < kFewTiles ? static_cast<int>(tiles - first) : kFewTiles;
    gather_inputs(pass.images, first, count, {kChannels, 0, kChannels}, x, pass.map, block, kPlane);
    Prefetch<Use::kRead> next(x + ((b + 1) * pixels + pass.images.width) * kChannels, pixels * kChannels);
    Prefetch<Use::kWrite> written(y + b * pixels * kChannels, pixels * kChannels);
    const bool masked = pass.mask.x != nullptr;
    Prefetch<Use::kRead> masking(masked ? static_cast<const E*>(pass.mask.x) + b * pixels * kChannels : nullptr,
                                 masked ? pixels * kChannels : 0);
    for (int p = 0; p < kPoints; ++p) {
      next();
      written();
      masking();
      float* const points = block + p * kPlane;
      const Right right{filters + static_cast<std::ptrdiff_t>(p) * kChannels * kChannels, kChannels};
      for (int t = 0; t < kFewTiles; t += kRows) {
        float* const rows = points + t * kChannels;
        multiply<kRows, kChannels / kLanes, false>(kChannels, {rows, 1, kChannels}, right, {rows, kChannels});
      }
    }
    scatter_output(pass.images, first, count, kChannels, pass.bias, mask_of_block(pass, b), block, kPlane, y);
  }
}

template <int kVectors>
DRIFT_WINOGRAD_INLINE void multiply_panel(int in, const float* points, const float* filters, float* products, int out) {
  constexpr int kRows = kVectors > 2 ? 4 : 8, kTerms = 64;
  constexpr std::ptrdiff_t kWidth = kVectors * kLanes;
  for (int i = 0; i < in; i += kTerms) {
    const int terms = in - i < kTerms ? in - i : kTerms;
    const Right right{filters + i * kWidth, kWidth};
    for (int t = 0; t < kManyTiles; t += kRows) {
      const Left left{points + static_cast<std::ptrdiff_t>(t) * in + i, 1, in};
      const Product product{products + static_cast<std::ptrdiff_t>(t) * out, out};
      if (i == 0) {
        multiply<kRows, kVectors, false>(terms, left, right, product);
      } else {
        multiply<kRows, kVectors, true>(terms, left, right, product);
      }
    }
  }
}

template <class E>
void convolve_many(const ConvolvePass& pass, const E* x, const float* filters, E* y, float* block, Part part) {
  const int in = pass.in, out = pass.out;
  const std::ptrdiff_t in_plane = plane_of(kManyTiles, in), out_plane = plane_of(kManyTiles, out);
  float* const products = block + kPoints * in_plane;
  const std::int64_t tiles = pass.images.tiles();
  for (std::int64_t b = part.begin; b < part.end; ++b) {
    const std::int64_t first = b * kManyTiles;
    const int count = tiles - first < kManyTiles ? static_cast<int>(tiles - first) : kManyTiles;
    gather_inputs(pass.images, first, count, {in, 0, in}, x, pass.map, block, in_plane);
    for (int p = 0; p < kPoints; ++p) {
      const float* const points = block + p * in_plane;
      const float* const of_point = filters + static_cast<std::ptrdiff_t>(p) * in * out;
      for (int o = 0; o < out; o += kPanel) {
        const float* const panel = of_point + static_cast<std::ptrdiff_t>(o) * in;
        float* const to = products + p * out_plane + o;
        switch (panel_width(out, o / kPanel) / kLanes) {
          case 1:
            multiply_panel<1>(in, points, panel, to, out);
            break;
          case 2:
            multiply_panel<2>(in, points, panel, to, out);
            break;
          case 3:
            multiply_panel<3>(in, points, panel, to, out);
            break;
          default:
            multiply_panel<4>(in, points, panel, to, out);
        }
      }
    }
    scatter_output(pass.images, first, count, out, pass.bias, mask_of_block(pass, b), products, out_plane, y);
  }
}

template <class E>
void convolve_of(const ConvolvePass& pass, const E* x, const float* filters, E* y, float* block, Part part) {
  if (!has_own_loop(pass.in, pass.out)) return convolve_many(pass, x, filters, y, block, part);
  switch (pass.in) {
    case 16:
      return convolve_few<16>(pass, x, filters, y, block, part);
    case 32:
      return convolve_few<32>(pass, x, filters, y, block, part);
    default:
      return convolve_few<64>(pass, x, filters, y, block, part);
  }
}

}  // namespace

int ConvolvePass::block_tiles() const {
  return has_own_loop(in, out) ? kFewTiles : kManyTiles;
}
std::int64_t ConvolvePass::work() const {
  return (images.tiles() + block_tiles() - 1) / block_tiles();
}
std::int64_t ConvolvePass::block_floats() const {
  if (has_own_loop(in, out)) return kPoints * plane_of(kFewTiles, in);
  return kPoints * (plane_of(kManyTiles, in) + plane_of(kManyTiles, out));
}

void convolve(const ConvolvePass& pass, const float* x, const float* filters, float* y, float* block, Part part) {
  convolve_of(pass, x, filters, y, block, part);
}
void convolve(const ConvolvePass& pass, const std::uint16_t* x, const float* filters, std::uint16_t* y, float* block,
              Part part) {
  convolve_of(pass, x, filters, y, block, part);
}

}  // namespace drift::winograd
