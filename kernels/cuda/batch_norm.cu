// Batch normalisation: column sums that end in the numbers per channel, then the map.
#include "kernels/cuda/own_kernels.h"
#include "kernels/launch/column_sums_cuda.cuh"
#include "kernels/launch/row_spaces.h"
#include "kernels/math/batch_norm.h"
#include "kernels/math/batch_norm_statistics.h"
#include "kernels/with_type.h"

namespace drift {
namespace {

template <class T>
Packed<MaskedGradient<T>> incoming(const BatchNormBackward& args) {
  return packed<MaskedGradient<T>>(args.dy.as<T>(), args.dy2.as<T>(), args.mask.as<std::uint8_t>(),
                                   args.x.shape.channels());
}

// Tables of one float per channel, then the partial sums, in one cut of the workspace.
template <int kTables, class Sums>
auto tables(CudaWorkspace& workspace, const RowSpace& space) {
  struct Tables {
    float* table[kTables];
    float* partials;
  } result;
  const std::int64_t stride = ceil_div(space.columns, 64) * 64;  // keeps each table aligned
  float* const first = workspace.floats(kTables * stride + column_sums_workspace<Sums>(space));
  for (int k = 0; k < kTables; ++k) result.table[k] = first + k * stride;
  result.partials = first + kTables * stride;
  return result;
}

}  // namespace

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    const auto [table, partials] = tables<2, MomentSums<T>>(workspace, space);
    float *const shift = table[0], *const scale = table[1];
    const T* x = args.x.as<T>();
    for_each_item(stream, space.columns, SampledMeans<T>{x, shift, space.rows, space.columns});
    const auto statistics = BatchNormStatistics::of(args, shift, scale);
    column_sums(stream, space, packed<MomentSums<T>>(x, shift, space.columns), partials, statistics);
    for_each_row_packet(
        stream, space,
        packed<NormApply<T>>(x, args.z.as<T>(), args.mean.as<float>(), scale, args.beta.as<float>(), args.y.as<T>(),
                             args.mask.as<std::uint8_t>(), static_cast<bool>(args.mask), space.columns));
  });
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormInference& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    float* const scale = workspace.floats(space.columns);
    for_each_item(stream, space.columns,
                  BatchNormInferenceScale{args.gamma.as<float>(), args.var.as<float>(), scale, args.inv_std.as<float>(),
                                          args.epsilon});
    for_each_row_packet(
        stream, space,
        packed<NormApply<T>>(args.x.as<T>(), args.z.as<T>(), args.mean.as<float>(), scale, args.beta.as<float>(),
                             args.y.as<T>(), args.mask.as<std::uint8_t>(), args.relu, space.columns));
  });
}

void run_on(cudaStream_t stream, CudaWorkspace& workspace, const BatchNormBackward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = rows_of(args.x);
    const auto [table, partials] = tables<3, NormBackwardSums<T>>(workspace, space);
    const T* x = args.x.as<T>();
    const float* mean = args.mean.as<float>();
    const BatchNormGradients gradients{args.inv_std.as<float>(),
                                       args.gamma.as<float>(),
                                       args.dgamma.as<float>(),
                                       args.dbeta.as<float>(),
                                       table[0],
                                       args.frozen ? nullptr : table[1],
                                       args.frozen ? nullptr : table[2],
                                       static_cast<double>(space.rows)};
    column_sums(stream, space, packed<NormBackwardSums<T>>(incoming<T>(args), x, mean, args.dz.as<T>(), space.columns),
                partials, gradients);
    // Where g was written to dz, it is read back instead of being put together again.
    BatchNormBackward kept = args;
    if (args.dz) kept.dy = args.dz, kept.dy2 = {}, kept.mask = {};
    T* const dx = args.dx.as<T>();
    if (args.frozen) {
      for_each_row_packet(stream, space,
                          packed<FrozenNormBackwardApply<T>>(incoming<T>(kept), table[0], dx, space.columns));
    } else {
      for_each_row_packet(
          stream, space,
          packed<NormBackwardApply<T>>(incoming<T>(kept), x, mean, table[0], table[1], table[2], dx, space.columns));
    }
  });
}

}  // namespace drift
