// The way of filters into the transformed domain, and of their gradients out of it.
#include "kernels/cpu/winograd/passes.h"
#include "kernels/cpu/winograd/sums.h"
#include "kernels/cpu/winograd/transforms.h"

namespace drift::winograd {
namespace {

// G g G^T, 36 values of 16 filters that differ in their output.
DRIFT_WINOGRAD_INLINE void transform_taps(const Vector (&taps)[kTap * kTap], float* points, std::ptrdiff_t plane) {
  Vector half[kIn][kTap];
  for (int i = 0; i < kIn; ++i) {
    for (int s = 0; s < kTap; ++s) {
      half[i][s] = splat(kG[i][0]) * taps[s];
      for (int r = 1; r < kTap; ++r) half[i][s] = multiply_add(splat(kG[i][r]), taps[r * kTap + s], half[i][s]);
    }
  }
  for (int i = 0; i < kIn; ++i) {
    for (int j = 0; j < kIn; ++j) {
      Vector sum = splat(kG[j][0]) * half[i][0];
      for (int s = 1; s < kTap; ++s) sum = multiply_add(splat(kG[j][s]), half[i][s], sum);
      store(points + (i * kIn + j) * plane, sum);
    }
  }
}

template <class E>
void transform_filters_of(const FilterPass& pass, const E* w, float* filters, Part part) {
  const int in = pass.backward ? pass.outputs : pass.inputs, out = pass.backward ? pass.inputs : pass.outputs;
  const std::ptrdiff_t plane = static_cast<std::ptrdiff_t>(in) * out, filter = kTap * kTap * pass.inputs;
  const int input_blocks = pass.inputs / kLanes;
  for (std::int64_t block = part.begin; block < part.end; ++block) {
    const int o = static_cast<int>(block / input_blocks) * kLanes, i = static_cast<int>(block % input_blocks) * kLanes;
    Vector taps[kTap * kTap][kLanes];  // [tap][output], lanes are inputs; forward they change places
    for (int tap = 0; tap < kTap * kTap; ++tap) {
      const int from = pass.backward ? kTap * kTap - 1 - tap : tap;
      for (int k = 0; k < kLanes; ++k) taps[tap][k] = load(w + (o + k) * filter + from * pass.inputs + i);
      if (!pass.backward) transpose(taps[tap]);
    }
    const int first_in = pass.backward ? o : i, first_out = pass.backward ? i : o;
    const int panel = first_out / kPanel, width = panel_width(out, panel);
    float* const to = filters + static_cast<std::ptrdiff_t>(panel) * kPanel * in + first_out % kPanel;
    for (int k = 0; k < kLanes; ++k) {
      Vector of_one[kTap * kTap];
      for (int tap = 0; tap < kTap * kTap; ++tap) of_one[tap] = taps[tap][k];
      transform_taps(of_one, to + static_cast<std::ptrdiff_t>(first_in + k) * width, plane);
    }
  }
}

// G^T m G.
DRIFT_WINOGRAD_INLINE void finish_taps(const Vector (&points)[kPoints], float* dw, std::ptrdiff_t tap) {
  Vector half[kTap][kIn];
  for (int r = 0; r < kTap; ++r) {
    for (int j = 0; j < kIn; ++j) {
      half[r][j] = splat(kG[0][r]) * points[j];
      for (int i = 1; i < kIn; ++i) half[r][j] = multiply_add(splat(kG[i][r]), points[i * kIn + j], half[r][j]);
    }
  }
  for (int r = 0; r < kTap; ++r) {
    for (int s = 0; s < kTap; ++s) {
      Vector sum = splat(kG[0][s]) * half[r][0];
      for (int j = 1; j < kIn; ++j) sum = multiply_add(splat(kG[j][s]), half[r][j], sum);
      store(dw + (r * kTap + s) * tap, sum);
    }
  }
}

}  // namespace

void transform_filters(const FilterPass& pass, const float* w, float* filters, Part part) {
  transform_filters_of(pass, w, filters, part);
}
void transform_filters(const FilterPass& pass, const std::uint16_t* w, float* filters, Part part) {
  transform_filters_of(pass, w, filters, part);
}

void finish_gradient(const CorrelatePass& pass, const float* sums, float* dw, Part part) {
  const int slices = pass.slices(), in_panels = panels_of(pass.in), out_panels = panels_of(pass.out);
  const std::ptrdiff_t block = pass.sum_floats(), slice = block * in_panels * out_panels;
  for (std::int64_t o = part.begin; o < part.end; ++o) {
    const int out_panel = static_cast<int>(o / kPanel);
    for (int in_panel = 0; in_panel < in_panels; ++in_panel) {
      const int width = panel_width(pass.in, in_panel);
      const float* const from = sums + (out_panel * in_panels + in_panel) * block + o % kPanel * width;
      for (int c = 0; c < width; c += kLanes) {
        Vector points[kPoints];
        for (int p = 0; p < kPoints; ++p) {
          const float* const of_point = from + p * sum_plane(pass.in, pass.out) + c;
          points[p] = load(of_point);
          for (int s = 1; s < slices; ++s) points[p] = points[p] + load(of_point + s * slice);
        }
        finish_taps(points, dw + o * kTap * kTap * pass.in + in_panel * kPanel + c, pass.in);
      }
    }
  }
}

}  // namespace drift::winograd
