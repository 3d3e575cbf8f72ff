// The parts of a Winograd convolution that are compiled for AVX-512, whatever the rest of the program is compiled for.
// Each does a range of its work, for one thread; winograd.cpp shares it out. Nothing else may be defined in a header
// that these files and others include, and nothing of the standard library that is a template.
#pragma once

#include <cstddef>
#include <cstdint>

namespace drift::winograd {

// Images of a 3x3 convolution with stride 1 and a border of one zero: what is read and what is written have one size.
struct Images {
  std::int64_t count;
  int height, width;

  __attribute__((always_inline)) int tiles_down() const { return (height + 3) / 4; }
  __attribute__((always_inline)) int tiles_across() const { return (width + 3) / 4; }
  __attribute__((always_inline)) std::int64_t tiles() const { return count * tiles_down() * tiles_across(); }
};

// Part [begin, end) of a pass.
struct Part {
  std::int64_t begin, end;
};

// Filters and gradients of filters are cut into blocks of so many channels, the last one smaller.
inline constexpr int kPanel = 64;

__attribute__((always_inline)) inline int panels_of(int channels) {
  return (channels + kPanel - 1) / kPanel;
}
__attribute__((always_inline)) inline int panel_width(int channels, int panel) {
  return channels - panel * kPanel < kPanel ? channels - panel * kPanel : kPanel;
}

// filters [36][panels of out][in][width of the panel] = G g G^T of weights w [O,3,3,I]: forward in = I, out = O;
// backward the filters that lead from dy to dx, in = O, out = I. Work: blocks of 16 x 16 channels.
struct FilterPass {
  int inputs, outputs;  // I, O
  bool backward;
  __attribute__((always_inline)) std::int64_t work() const {
    return static_cast<std::int64_t>(inputs / 16) * (outputs / 16);
  }
};
__attribute__((always_inline)) inline std::int64_t filter_floats(int inputs, int outputs) {
  return std::int64_t{36} * inputs * outputs;
}
void transform_filters(const FilterPass& pass, const float* w, float* filters, Part part);
void transform_filters(const FilterPass& pass, const std::uint16_t* w, float* filters, Part part);

// What a pass reads in place of its x: max(0, (x - mean) scale + beta), a NaN where there is one, [channels] each.
struct InputMap {
  const float *mean, *scale, *beta;  // mean nullptr: x as it is
};

// What a pass does to what it writes, if there is an x, of the type of y: times 1 where a map lets x pass, else 0; and
// of that, rounded as it is written, the sums over each block of work, and those of it times x - mean: sums
// [work][2][out].
struct OutputMask {
  const void* x;
  InputMap map;
  float* sums;
};

// y [N,H,W,out] from x [N,H,W,in] and transformed filters, plus bias [out] if it is given. Work: blocks of block_tiles
// tiles, which do not depend on each other; `block` has block_floats floats of scratch memory. x and y: float32, or
// both bfloat16.
struct ConvolvePass {
  Images images;
  int in, out;
  const float* bias;  // or nullptr
  InputMap map;
  OutputMask mask;
  int block_tiles() const;
  std::int64_t work() const;
  std::int64_t block_floats() const;
};
void convolve(const ConvolvePass& pass, const float* x, const float* filters, float* y, float* block, Part part);
void convolve(const ConvolvePass& pass, const std::uint16_t* x, const float* filters, std::uint16_t* y, float* block,
              Part part);

// sums [slices][panels of out][panels of in][sum_floats]: what the tiles of each slice add to the transformed gradient
// of the filters. The number of slices depends on shapes alone. Work: those blocks of sums.
struct CorrelatePass {
  Images images;
  int in, out;   // channels of x and of dy
  InputMap map;  // of x
  int slices() const;
  __attribute__((always_inline)) std::int64_t work() const {
    return static_cast<std::int64_t>(slices()) * panels_of(in) * panels_of(out);
  }
  std::int64_t sum_floats() const;
  std::int64_t block_floats() const;
};
void correlate(const CorrelatePass& pass, const float* x, const float* dy, float* sums, float* block, Part part);
void correlate(const CorrelatePass& pass, const std::uint16_t* x, const std::uint16_t* dy, float* sums, float* block,
               Part part);

// dw [O,3,3,I] = G^T (sums over slices, in order) G. Work: the O outputs.
void finish_gradient(const CorrelatePass& pass, const float* sums, float* dw, Part part);

}  // namespace drift::winograd
