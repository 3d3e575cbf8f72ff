// Group normalisation with the functors of batch normalisation: sums per sample and channel, folded into groups in
// double, handed to the maps as tables of one entry per sample and channel.
#include "kernels/cpu/normalisation.h"
#include "kernels/launch/column_sums_cpu.h"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/batch_norm.h"
#include "kernels/math/batch_norm_statistics.h"
#include "kernels/math/group_norm_statistics.h"
#include "kernels/with_type.h"

namespace drift {

std::int64_t Normalisations::workspace_floats(const GroupNormForward& args) {
  const RowSpace space = samples_of(args.x);
  return 3 * space.segments * space.columns + column_sums_workspace<MomentSums<float>>(space);
}
std::int64_t Normalisations::workspace_floats(const GroupNormBackward& args) {
  const RowSpace space = samples_of(args.x);
  return 4 * space.segments * space.columns + column_sums_workspace<NormBackwardSums<float>>(space);
}

void Normalisations::forward(const GroupNormForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(args.x);
    const std::int64_t channels = space.columns, table = space.segments * channels;
    const GroupLayout layout{args.groups, channels, space.rows};
    float* shift = workspace_.floats(workspace_floats(args));
    float* mean = shift + table;
    float* scale = mean + table;
    const T* x = args.x.as<T>();
    const SampledMeans<T> sampled_means{x, shift, space.rows, channels};
    for (std::int64_t i = 0; i < table; ++i) sampled_means(i);
    auto& totals = workspace_.doubles(2 * table);
    column_sums(threads_, space, MomentSums<T>{x, shift, channels}, scale + table, totals);

    const GroupStatistics statistics{
        layout, totals.data(), shift,       args.gamma.as<float>(), args.mean.as<float>(), args.inv_std.as<float>(),
        mean,   scale,         args.epsilon};
    for (std::int64_t group = 0; group < space.segments * args.groups; ++group) statistics(group);
    const NormApply<T> apply{x, nullptr, mean, scale, args.beta.as<float>(), args.y.as<T>(), nullptr, false, channels};
    for_each_row_packet(threads_, space, apply);
  });
}

void Normalisations::backward(const GroupNormBackward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(args.x);
    const std::int64_t channels = space.columns, table = space.segments * channels;
    const GroupLayout layout{args.groups, channels, space.rows};
    float* mean = workspace_.floats(workspace_floats(args));
    float* a = mean + table;
    float* b = a + table;
    float* c = b + table;
    const SpreadGroupMeans spread{layout, args.mean.as<float>(), mean};
    for (std::int64_t i = 0; i < table; ++i) spread(i);
    const MaskedGradient<T> gradient{args.dy.as<T>(), nullptr, nullptr, channels};
    const T* x = args.x.as<T>();
    auto& totals = workspace_.doubles(2 * table);
    column_sums(threads_, space, NormBackwardSums<T>{gradient, x, mean, nullptr, channels}, c + table, totals);

    const float *inv_std = args.inv_std.as<float>(), *gamma = args.gamma.as<float>();
    const GroupGradients gradients{layout, totals.data(), inv_std, gamma, a, b, c};
    for (std::int64_t group = 0; group < space.segments * args.groups; ++group) gradients(group);
    const GroupParameterGradients parameters{
        layout, totals.data(), inv_std, args.dgamma.as<float>(), args.dbeta.as<float>(), space.segments};
    for (std::int64_t channel = 0; channel < channels; ++channel) parameters(channel);
    for_each_row_packet(threads_, space, NormBackwardApply<T>{gradient, x, mean, a, b, c, args.dx.as<T>(), channels});
  });
}

}  // namespace drift
