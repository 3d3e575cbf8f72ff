// Group normalisation: column sums per sample, a thread per group for the numbers in double, then the map.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/batch_norm.h"
#include "kernels/math/batch_norm_statistics.h"
#include "kernels/math/group_norm_statistics.h"
#include "kernels/with_type.h"

namespace drift {
namespace {

constexpr std::int64_t kFloat = sizeof(float), kDouble = sizeof(double);

}  // namespace

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const GroupNormForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(args.x);
    const std::int64_t channels = space.columns, table = space.segments * channels;
    const GroupLayout layout{args.groups, channels, space.rows};
    const auto parts = workspace.cut(table * kFloat, table * kFloat, table * kFloat, 2 * table * kDouble,
                                     column_sums_workspace<MomentSums<T>>(space) * kFloat);
    float *const shift = reinterpret_cast<float*>(parts[0]), *const mean = reinterpret_cast<float*>(parts[1]),
                 *const scale = reinterpret_cast<float*>(parts[2]);
    double* const totals = reinterpret_cast<double*>(parts[3]);
    const T* x = args.x.as<T>();
    for_each_item(stream, table, SampledMeans<T>{x, shift, space.rows, channels});
    column_sums(stream, space, packed<MomentSums<T>>(x, shift, channels), reinterpret_cast<float*>(parts[4]),
                StoreTotals{totals, channels});
    for_each_item(stream, space.segments * args.groups,
                  GroupStatistics{layout, totals, shift, args.gamma.as<float>(), args.mean.as<float>(),
                                  args.inv_std.as<float>(), mean, scale, args.epsilon});
    const T* const no_z = nullptr;
    std::uint8_t* const no_mask = nullptr;
    for_each_row_packet(
        stream, space,
        packed<NormApply<T>>(x, no_z, mean, scale, args.beta.as<float>(), args.y.as<T>(), no_mask, false, channels));
  });
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const GroupNormBackward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(args.x);
    const std::int64_t channels = space.columns, table = space.segments * channels;
    const GroupLayout layout{args.groups, channels, space.rows};
    const auto parts = workspace.cut(table * kFloat, table * kFloat, table * kFloat, table * kFloat,
                                     2 * table * kDouble, column_sums_workspace<NormBackwardSums<T>>(space) * kFloat);
    float *const mean = reinterpret_cast<float*>(parts[0]), *const a = reinterpret_cast<float*>(parts[1]),
                 *const b = reinterpret_cast<float*>(parts[2]), *const c = reinterpret_cast<float*>(parts[3]);
    double* const totals = reinterpret_cast<double*>(parts[4]);
    const T* const x = args.x.as<T>();
    const float *const inv_std = args.inv_std.as<float>(), *const gamma = args.gamma.as<float>();
    for_each_item(stream, table, SpreadGroupMeans{layout, args.mean.as<float>(), mean});
    const T* const no_dy2 = nullptr;
    const std::uint8_t* const no_mask = nullptr;
    const auto gradient = packed<MaskedGradient<T>>(args.dy.as<T>(), no_dy2, no_mask, channels);
    T* const no_dz = nullptr;
    column_sums(stream, space, packed<NormBackwardSums<T>>(gradient, x, mean, no_dz, channels),
                reinterpret_cast<float*>(parts[5]), StoreTotals{totals, channels});
    for_each_item(stream, space.segments * args.groups, GroupGradients{layout, totals, inv_std, gamma, a, b, c});
    for_each_item(stream, channels,
                  GroupParameterGradients{layout, totals, inv_std, args.dgamma.as<float>(), args.dbeta.as<float>(),
                                          space.segments});
    for_each_row_packet(stream, space,
                        packed<NormBackwardApply<T>>(gradient, x, mean, a, b, c, args.dx.as<T>(), channels));
  });
}

}  // namespace drift
