// Batch normalisation: column sums in float chunks, a few numbers per channel in double, then the map. The formulas of
// both directions are in kernels/math/batch_norm.h; group_norm.cpp is the same with one segment per sample.
#include "kernels/math/batch_norm.h"

#include <cmath>

#include "kernels/cpu/normalisation.h"
#include "kernels/cpu/with_type.h"
#include "kernels/launch/column_sums_cpu.h"

namespace drift {
namespace {

RowSpace rows_of(const TensorView& x) {
  return {1, x.shape.rows(), x.shape.channels()};
}

}  // namespace

void Normalisations::forward(const BatchNormForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    const std::int64_t channels = space.columns;
    float* shift = workspace_.floats(2 * channels + column_sums_workspace<MomentSums<T>>(space));
    float* scale = shift + channels;
    const T* x = args.x.as<T>();
    for (std::int64_t c = 0; c < channels; ++c) shift[c] = to_float(x[c]);
    auto& totals = workspace_.doubles(2 * channels);
    column_sums(threads_, space, MomentSums<T>{x, shift, channels}, scale + channels, totals);

    const double rows = static_cast<double>(space.rows);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double offset = totals[static_cast<std::size_t>(c)] / rows;
      const double variance = std::max(0.0, totals[static_cast<std::size_t>(channels + c)] / rows - offset * offset);
      const double inv_std = 1.0 / std::sqrt(variance + args.epsilon);
      args.mean.as<float>()[c] = static_cast<float>(shift[c] + offset);
      args.inv_std.as<float>()[c] = static_cast<float>(inv_std);
      scale[c] = static_cast<float>(args.gamma.as<float>()[c] * inv_std);
      if (!args.running_mean) continue;
      const double unbiased = variance * rows / std::max(1.0, rows - 1);
      float& running_mean = args.running_mean.as<float>()[c];
      float& running_var = args.running_var.as<float>()[c];
      running_mean = static_cast<float>((1.0 - args.momentum) * running_mean + args.momentum * (shift[c] + offset));
      running_var = static_cast<float>((1.0 - args.momentum) * running_var + args.momentum * unbiased);
    }
    const NormApply<T> apply{x,
                             args.z.as<T>(),
                             args.mean.as<float>(),
                             scale,
                             args.beta.as<float>(),
                             args.y.as<T>(),
                             args.mask.as<std::uint8_t>(),
                             static_cast<bool>(args.mask),
                             channels};
    for_each_row_packet(threads_, space, apply);
  });
}

void Normalisations::inference(const BatchNormInference& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    float* scale = workspace_.floats(space.columns);
    for (std::int64_t c = 0; c < space.columns; ++c) {
      scale[c] =
          static_cast<float>(args.gamma.as<float>()[c] / std::sqrt(double{args.var.as<float>()[c]} + args.epsilon));
    }
    const NormApply<T> apply{
        args.x.as<T>(), args.z.as<T>(), args.mean.as<float>(), scale, args.beta.as<float>(), args.y.as<T>(),
        nullptr,        args.relu,      space.columns};
    for_each_row_packet(threads_, space, apply);
  });
}

void Normalisations::backward(const BatchNormBackward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    const std::int64_t channels = space.columns;
    float* a = workspace_.floats(3 * channels + column_sums_workspace<NormBackwardSums<T>>(space));
    float* b = a + channels;
    float* c = b + channels;
    const MaskedGradient<T> incoming{args.dy.as<T>(), args.dy2.as<T>(), args.mask.as<std::uint8_t>(), channels};
    const T* x = args.x.as<T>();
    const float* mean = args.mean.as<float>();
    auto& totals = workspace_.doubles(2 * channels);
    column_sums(threads_, space, NormBackwardSums<T>{incoming, x, mean, args.dz.as<T>(), channels}, c + channels,
                totals);

    const double rows = static_cast<double>(space.rows);
    for (std::int64_t i = 0; i < channels; ++i) {
      const double inv_std = args.inv_std.as<float>()[i];
      const double sum = totals[static_cast<std::size_t>(i)];
      const double dgamma = totals[static_cast<std::size_t>(channels + i)] * inv_std;
      args.dbeta.as<float>()[i] = static_cast<float>(sum);
      args.dgamma.as<float>()[i] = static_cast<float>(dgamma);
      const double factor = args.gamma.as<float>()[i] * inv_std;
      a[i] = static_cast<float>(factor);
      b[i] = static_cast<float>(factor * sum / rows);
      c[i] = static_cast<float>(factor * inv_std * dgamma / rows);
    }
    // Where g was written to dz, it is read back instead of being put together again.
    const MaskedGradient<T> gradient =
        args.dz ? MaskedGradient<T>{args.dz.as<T>(), nullptr, nullptr, channels} : incoming;
    for_each_row_packet(threads_, space, NormBackwardApply<T>{gradient, x, mean, a, b, c, args.dx.as<T>(), channels});
  });
}

}  // namespace drift
