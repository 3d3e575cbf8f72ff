#include "kernels/cpu/winograd/winograd.h"

#include "kernels/cpu/bias_gradient.h"
#include "kernels/cpu/winograd/passes.h"
#include "kernels/launch/column_sums_cpu.h"

namespace drift {
namespace {

using winograd::Images;

// The element as the passes know it.
template <class Body>
void with_element(DType dtype, const Body& body) {
  if (dtype == DType::kBFloat16) {
    body(std::uint16_t{});
  } else {
    body(float{});
  }
}

std::int64_t map_floats(const InputNorm& norm) {
  return norm ? norm.mean.elements() : 0;
}
// What the passes read by; scale has map_floats.
winograd::InputMap map_of(const InputNorm& norm, float* scale) {
  if (!norm) return {};
  const float *const gamma = norm.gamma.as<float>(), *const inv_std = norm.inv_std.as<float>();
  for (std::int64_t c = 0; c < norm.mean.elements(); ++c) scale[c] = gamma[c] * inv_std[c];
  return {norm.mean.as<float>(), scale, norm.beta.as<float>()};
}

Images images_of(const Shape& x) {
  return {x[0], static_cast<int>(x[1]), static_cast<int>(x[2])};
}

}  // namespace

bool WinogradConvolutions::available(DType dtype) {
  const CpuFeatures& cpu = cpu_features();
  return cpu.avx512 && (dtype == DType::kFloat32 || cpu.avx512_bf16);
}

bool WinogradConvolutions::covers(const Window& window, const Shape& x, const Shape& w) {
  return window == Window{3, 1, 1} && w[0] % 16 == 0 && w[3] % 16 == 0 && x[1] >= 4 && x[2] >= 4;
}

std::int64_t WinogradConvolutions::tiles(const Shape& x) {
  return images_of(x).tiles();
}

void WinogradConvolutions::convolve(const TensorView& from, const TensorView& w, const TensorView& to,
                                    const Options& options, bool backward) {
  const int inputs = static_cast<int>(w.shape[3]), outputs = static_cast<int>(w.shape[0]);
  const winograd::FilterPass filter_pass{inputs, outputs, backward};
  winograd::ConvolvePass pass{images_of(from.shape),
                              backward ? outputs : inputs,
                              backward ? inputs : outputs,
                              options.bias.as<float>(),
                              {},
                              {}};
  const bool masked = static_cast<bool>(options.masked_by);
  const std::int64_t filter_floats = winograd::filter_floats(inputs, outputs), block_floats = pass.block_floats();
  const std::int64_t sum_floats = masked ? pass.work() * 2 * inputs : 0;
  float* const filters =
      workspace_.floats(filter_floats + threads_ * block_floats + sum_floats + map_floats(options.norm));
  float* const blocks = filters + filter_floats;
  float* const sums = blocks + threads_ * block_floats;
  const winograd::InputMap map = map_of(options.norm, sums + sum_floats);
  if (masked) {
    pass.mask = {options.masked_by.data, map, sums};
  } else {
    pass.map = map;
  }
  with_element(from.dtype, [&]<class E>(E) {
    in_parallel(threads_, filter_pass.work(), 1, filter_floats, [&](Range range) {
      winograd::transform_filters(filter_pass, static_cast<const E*>(w.data), filters, {range.begin, range.end});
    });
    in_parallel(threads_, pass.work(), 1, from.elements() + to.elements(), [&](Range range, int thread) {
      winograd::convolve(pass, static_cast<const E*>(from.data), filters, static_cast<E*>(to.data),
                         blocks + thread * block_floats, {range.begin, range.end});
    });
  });
  if (masked) finish_sums(sums, pass.work(), options);
}

void WinogradConvolutions::finish_sums(const float* sums, std::int64_t blocks, const Options& options) {
  const std::int64_t channels = options.dbeta.elements();
  auto& totals = workspace_.doubles(2 * channels);
  add_chunks(sums, blocks, totals);
  const float* const inv_std = options.norm.inv_std.as<float>();
  for (std::int64_t c = 0; c < channels; ++c) {
    options.dbeta.as<float>()[c] = static_cast<float>(totals[c]);
    options.dgamma.as<float>()[c] = static_cast<float>(totals[channels + c] * inv_std[c]);
  }
}

void WinogradConvolutions::forward(const Conv2dForward& args) {
  convolve(args.x, args.w, args.y, {.bias = args.bias, .norm = args.norm}, false);
}

void WinogradConvolutions::backward_data(const Conv2dBackwardData& args) {
  convolve(args.dy, args.w, args.dx,
           {.norm = args.norm, .masked_by = args.x, .dgamma = args.dgamma, .dbeta = args.dbeta}, true);
}

void WinogradConvolutions::backward_weights(const Conv2dBackwardWeights& args) {
  const int inputs = static_cast<int>(args.dw.shape[3]), outputs = static_cast<int>(args.dw.shape[0]);
  winograd::CorrelatePass pass{images_of(args.x.shape), inputs, outputs, {}};
  const std::int64_t sum_floats = pass.work() * pass.sum_floats(), block_floats = pass.block_floats();
  float* const sums = workspace_.floats(sum_floats + threads_ * block_floats + map_floats(args.norm));
  float* const blocks = sums + sum_floats;
  pass.map = map_of(args.norm, blocks + threads_ * block_floats);
  with_element(args.x.dtype, [&]<class E>(E) {
    in_parallel(threads_, pass.work(), 1, args.x.elements() + args.dy.elements(), [&](Range range, int thread) {
      winograd::correlate(pass, static_cast<const E*>(args.x.data), static_cast<const E*>(args.dy.data), sums,
                          blocks + thread * block_floats, {range.begin, range.end});
    });
  });
  in_parallel(threads_, outputs, 1, sum_floats, [&](Range range) {
    winograd::finish_gradient(pass, sums, args.dw.as<float>(), {range.begin, range.end});
  });
  if (args.dbias) sum_columns(threads_, args.dy, args.dbias, workspace_);
}

}  // namespace drift
