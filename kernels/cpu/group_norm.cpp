// Group normalisation with the functors of batch normalisation: sums per sample and channel, folded into groups in
// double, handed to the maps as tables of one entry per sample and channel.
#include <cmath>

#include "kernels/cpu/normalisation.h"
#include "kernels/cpu/with_type.h"
#include "kernels/launch/column_sums_cpu.h"
#include "kernels/math/batch_norm.h"

namespace drift {
namespace {

// One segment per sample, and tables of one float per (sample, channel) that the maps read.
RowSpace samples_of(const TensorView& x) {
  return {x.shape[0], x.shape[1] * x.shape[2], x.shape[3]};
}

}  // namespace

void Normalisations::forward(const GroupNormForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(args.x);
    const std::int64_t channels = space.columns, table = space.segments * channels, width = channels / args.groups;
    float* shift = workspace_.floats(3 * table + column_sums_workspace<MomentSums<T>>(space));
    float* mean = shift + table;
    float* scale = mean + table;
    const T* x = args.x.as<T>();
    for (std::int64_t i = 0; i < table; ++i)
      shift[i] = to_float(x[i / channels * space.rows * channels + i % channels]);
    auto& totals = workspace_.doubles(2 * table);
    column_sums(threads_, space, MomentSums<T>{x, shift, channels}, scale + table, totals);

    const double rows = static_cast<double>(space.rows), elements = rows * static_cast<double>(width);
    for (std::int64_t group = 0; group < space.segments * args.groups; ++group) {
      const std::int64_t sample = group / args.groups, first = group % args.groups * width;
      const double* sums = totals.data() + 2 * sample * channels;
      const float* shifts = shift + sample * channels;
      double group_mean = 0, squares = 0;
      for (std::int64_t c = first; c < first + width; ++c) group_mean += (rows * shifts[c] + sums[c]) / elements;
      for (std::int64_t c = first; c < first + width;
           ++c) {  // sum (x - m)^2 = sum (x-s)^2 - 2 (m-s) sum (x-s) + rows (m-s)^2
        const double offset = group_mean - shifts[c];
        squares += sums[channels + c] - 2 * offset * sums[c] + rows * offset * offset;
      }
      const double inv_std = 1.0 / std::sqrt(std::max(0.0, squares / elements) + args.epsilon);
      args.mean.as<float>()[group] = static_cast<float>(group_mean);
      args.inv_std.as<float>()[group] = static_cast<float>(inv_std);
      for (std::int64_t c = first; c < first + width; ++c) {
        mean[sample * channels + c] = static_cast<float>(group_mean);
        scale[sample * channels + c] = static_cast<float>(args.gamma.as<float>()[c] * inv_std);
      }
    }
    const NormApply<T> apply{x, nullptr, mean, scale, args.beta.as<float>(), args.y.as<T>(), nullptr, false, channels};
    for_each_row_packet(threads_, space, apply);
  });
}

void Normalisations::backward(const GroupNormBackward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const RowSpace space = samples_of(args.x);
    const std::int64_t channels = space.columns, table = space.segments * channels, width = channels / args.groups;
    float* mean = workspace_.floats(4 * table + column_sums_workspace<NormBackwardSums<T>>(space));
    float* a = mean + table;
    float* b = a + table;
    float* c = b + table;
    for (std::int64_t i = 0; i < table; ++i) {
      mean[i] = args.mean.as<float>()[i / channels * args.groups + i % channels / width];
    }
    const MaskedGradient<T> gradient{args.dy.as<T>(), nullptr, nullptr, channels};
    const T* x = args.x.as<T>();
    auto& totals = workspace_.doubles(2 * table + 2 * channels);
    column_sums(threads_, space, NormBackwardSums<T>{gradient, x, mean, nullptr, channels}, c + table, totals);

    double* dbeta = totals.data() + 2 * table;
    double* dgamma = dbeta + channels;
    std::fill(dbeta, dbeta + 2 * channels, 0.0);
    const double elements = static_cast<double>(space.rows * width);
    for (std::int64_t group = 0; group < space.segments * args.groups; ++group) {
      const std::int64_t sample = group / args.groups, first = group % args.groups * width;
      const double* sums = totals.data() + 2 * sample * channels;
      const double inv_std = args.inv_std.as<float>()[group];
      double weighted = 0, weighted_x = 0;  // sums over the group of gamma dy and of gamma dy xhat
      for (std::int64_t i = first; i < first + width; ++i) {
        const double gamma = args.gamma.as<float>()[i];
        weighted += gamma * sums[i];
        weighted_x += gamma * sums[channels + i] * inv_std;
        dbeta[i] += sums[i];
        dgamma[i] += sums[channels + i] * inv_std;
      }
      for (std::int64_t i = first; i < first + width; ++i) {
        a[sample * channels + i] = static_cast<float>(args.gamma.as<float>()[i] * inv_std);
        b[sample * channels + i] = static_cast<float>(inv_std * weighted / elements);
        c[sample * channels + i] = static_cast<float>(inv_std * inv_std * weighted_x / elements);
      }
    }
    for (std::int64_t i = 0; i < channels; ++i) {
      args.dbeta.as<float>()[i] = static_cast<float>(dbeta[i]);
      args.dgamma.as<float>()[i] = static_cast<float>(dgamma[i]);
    }
    for_each_row_packet(threads_, space, NormBackwardApply<T>{gradient, x, mean, a, b, c, args.dx.as<T>(), channels});
  });
}

}  // namespace drift
