#include "kernels/cpu/winograd/winograd.h"

#include <algorithm>

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

winograd::CorrelatePass correlation_of(const Conv2dBackwardWeights& op) {
  return {images_of(op.x.shape), static_cast<int>(op.dw.shape[3]), static_cast<int>(op.dw.shape[0]), {}};
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

// Forward or backward data, what the other one does not have being empty.
struct WinogradConvolutions::Convolution {
  TensorView from, w, to;
  bool backward = false;
  TensorView bias = {};
  InputNorm norm = {};
  TensorView masked_by = {}, dgamma = {}, dbeta = {};

  explicit Convolution(const Conv2dForward& op) : from(op.x), w(op.w), to(op.y), bias(op.bias), norm(op.norm) {}
  explicit Convolution(const Conv2dBackwardData& op)
      : from(op.dy),
        w(op.w),
        to(op.dx),
        backward(true),
        norm(op.norm),
        masked_by(op.x),
        dgamma(op.dgamma),
        dbeta(op.dbeta) {}

  int inputs() const { return static_cast<int>(w.shape[3]); }
  int outputs() const { return static_cast<int>(w.shape[0]); }
  winograd::ConvolvePass pass() const {
    return {images_of(from.shape),
            backward ? outputs() : inputs(),
            backward ? inputs() : outputs(),
            bias.as<float>(),
            {},
            {}};
  }
};

// Floats of workspace, one part behind the other.
struct WinogradConvolutions::Parts {
  std::int64_t filters, block, blocks, sums, map;

  std::int64_t all() const { return filters + blocks + sums + map; }
};

WinogradConvolutions::Parts WinogradConvolutions::parts_of(const Convolution& c) const {
  const winograd::ConvolvePass pass = c.pass();
  const std::int64_t block = pass.block_floats();
  return {winograd::filter_floats(c.inputs(), c.outputs()), block, threads_ * block,
          c.masked_by ? pass.work() * 2 * c.inputs() : 0, map_floats(c.norm)};
}

void WinogradConvolutions::convolve(const Convolution& c) {
  const winograd::FilterPass filter_pass{c.inputs(), c.outputs(), c.backward};
  winograd::ConvolvePass pass = c.pass();
  const Parts parts = parts_of(c);
  float* const filters = workspace_.floats(parts.all());
  float* const blocks = filters + parts.filters;
  float* const sums = blocks + parts.blocks;
  const winograd::InputMap map = map_of(c.norm, sums + parts.sums);
  if (c.masked_by) {
    pass.mask = {c.masked_by.data, map, sums};
  } else {
    pass.map = map;
  }
  with_element(c.from.dtype, [&]<class E>(E) {
    in_parallel(threads_, filter_pass.work(), 1, parts.filters, [&](Range range) {
      winograd::transform_filters(filter_pass, static_cast<const E*>(c.w.data), filters, {range.begin, range.end});
    });
    in_parallel(threads_, pass.work(), 1, c.from.elements() + c.to.elements(), [&](Range range, int thread) {
      winograd::convolve(pass, static_cast<const E*>(c.from.data), filters, static_cast<E*>(c.to.data),
                         blocks + thread * parts.block, {range.begin, range.end});
    });
  });
  if (c.masked_by) finish_sums(sums, pass.work(), c);
}

void WinogradConvolutions::finish_sums(const float* sums, std::int64_t blocks, const Convolution& c) {
  const std::int64_t channels = c.dbeta.elements();
  auto& totals = workspace_.doubles(2 * channels);
  add_chunks(sums, blocks, totals);
  const float* const inv_std = c.norm.inv_std.as<float>();
  for (std::int64_t i = 0; i < channels; ++i) {
    c.dbeta.as<float>()[i] = static_cast<float>(totals[i]);
    c.dgamma.as<float>()[i] = static_cast<float>(totals[channels + i] * inv_std[i]);
  }
}

std::int64_t WinogradConvolutions::workspace_floats(const Conv2dForward& args) const {
  return parts_of(Convolution(args)).all();
}
std::int64_t WinogradConvolutions::workspace_floats(const Conv2dBackwardData& args) const {
  return parts_of(Convolution(args)).all();
}
std::int64_t WinogradConvolutions::workspace_floats(const Conv2dBackwardWeights& args) const {
  const winograd::CorrelatePass pass = correlation_of(args);
  const std::int64_t sums = pass.work() * pass.sum_floats() + threads_ * pass.block_floats() + map_floats(args.norm);
  return std::max(sums, sum_columns_floats(args.dy, args.dbias));
}

void WinogradConvolutions::run(const Conv2dForward& args) {
  convolve(Convolution(args));
}

void WinogradConvolutions::run(const Conv2dBackwardData& args) {
  convolve(Convolution(args));
}

void WinogradConvolutions::run(const Conv2dBackwardWeights& args) {
  winograd::CorrelatePass pass = correlation_of(args);
  const std::int64_t sum_floats = pass.work() * pass.sum_floats(), block_floats = pass.block_floats();
  float* const sums = workspace_.floats(workspace_floats(args));
  float* const blocks = sums + sum_floats;
  pass.map = map_of(args.norm, blocks + threads_ * block_floats);
  with_element(args.x.dtype, [&]<class E>(E) {
    in_parallel(threads_, pass.work(), 1, args.x.elements() + args.dy.elements(), [&](Range range, int thread) {
      winograd::correlate(pass, static_cast<const E*>(args.x.data), static_cast<const E*>(args.dy.data), sums,
                          blocks + thread * block_floats, {range.begin, range.end});
    });
  });
  in_parallel(threads_, pass.out, 1, sum_floats, [&](Range range) {
    winograd::finish_gradient(pass, sums, args.dw.as<float>(), {range.begin, range.end});
  });
  if (args.dbias) sum_columns(threads_, args.dy, args.dbias, workspace_);
}

}  // namespace drift
