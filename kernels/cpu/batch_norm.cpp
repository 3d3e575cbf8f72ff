// Batch normalisation: column sums in float chunks, a few numbers per channel in double, then the map. The formulas of
// both directions are in kernels/math/batch_norm.h and batch_norm_statistics.h; group_norm.cpp is the same with one
// segment per sample.
#include "kernels/math/batch_norm.h"

#include "kernels/cpu/normalisation.h"
#include "kernels/launch/column_sums_cpu.h"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/batch_norm_statistics.h"
#include "kernels/with_type.h"

namespace drift {

std::int64_t Normalisations::workspace_floats(const BatchNormForward& args) {
  const RowSpace space = rows_of(args.x);
  return 2 * space.columns + column_sums_workspace<MomentSums<float>>(space);
}
std::int64_t Normalisations::workspace_floats(const BatchNormInference& args) {
  return rows_of(args.x).columns;
}
std::int64_t Normalisations::workspace_floats(const BatchNormBackward& args) {
  const RowSpace space = rows_of(args.x);
  return 3 * space.columns + column_sums_workspace<NormBackwardSums<float>>(space);
}

void Normalisations::forward(const BatchNormForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    const std::int64_t channels = space.columns;
    float* shift = workspace_.floats(workspace_floats(args));
    float* scale = shift + channels;
    const T* x = args.x.as<T>();
    const SampledMeans<T> sampled_means{x, shift, space.rows, channels};
    for (std::int64_t c = 0; c < channels; ++c) sampled_means(c);
    auto& totals = workspace_.doubles(2 * channels);
    column_sums(threads_, space, MomentSums<T>{x, shift, channels}, scale + channels, totals);

    const auto statistics = BatchNormStatistics::of(args, shift, scale);
    for_each_total<2>(space, totals, statistics);
    if (!args.y) return;
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
    float* scale = workspace_.floats(workspace_floats(args));
    const BatchNormInferenceScale scale_of{args.gamma.as<float>(), args.var.as<float>(), scale,
                                           args.inv_std.as<float>(), args.epsilon};
    for (std::int64_t c = 0; c < space.columns; ++c) scale_of(c);
    if (!args.y) return;
    const NormApply<T> apply{args.x.as<T>(),        args.z.as<T>(), args.mean.as<float>(),        scale,
                             args.beta.as<float>(), args.y.as<T>(), args.mask.as<std::uint8_t>(), args.relu,
                             space.columns};
    for_each_row_packet(threads_, space, apply);
  });
}

void Normalisations::backward(const BatchNormBackward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    const std::int64_t channels = space.columns;
    float* a = workspace_.floats(workspace_floats(args));
    float* b = a + channels;
    float* c = b + channels;
    const MaskedGradient<T> incoming{args.dy.as<T>(), args.dy2.as<T>(), args.mask.as<std::uint8_t>(), channels};
    const T* x = args.x.as<T>();
    const float* mean = args.mean.as<float>();
    const BatchNormGradients gradients{
        args.inv_std.as<float>(),  args.gamma.as<float>(),    args.dgamma.as<float>(),        args.dbeta.as<float>(), a,
        args.frozen ? nullptr : b, args.frozen ? nullptr : c, static_cast<double>(space.rows)};
    if (args.summed) {
      for (std::int64_t i = 0; i < channels; ++i) gradients.from_parameters(i);
    } else {
      auto& totals = workspace_.doubles(2 * channels);
      column_sums(threads_, space, NormBackwardSums<T>{incoming, x, mean, args.dz.as<T>(), channels}, c + channels,
                  totals);
      for_each_total<2>(space, totals, gradients);
    }
    // Where g was written to dz, it is read back instead of being put together again.
    const MaskedGradient<T> gradient =
        args.dz ? MaskedGradient<T>{args.dz.as<T>(), nullptr, nullptr, channels} : incoming;
    T* dx = args.dx.as<T>();
    if (args.frozen) {
      for_each_row_packet(threads_, space, FrozenNormBackwardApply<T>{gradient, a, dx, channels});
    } else {
      for_each_row_packet(threads_, space, NormBackwardApply<T>{gradient, x, mean, a, b, c, dx, channels});
    }
  });
}

}  // namespace drift
