#include "kernels/cpu/backend_cpu.h"

#include <cstring>
#include <omp.h>

#include "kernels/launch/column_sums_cpu.h"
#include "kernels/math/augment.h"
#include "kernels/math/average.h"
#include "kernels/math/elementwise.h"
#include "kernels/math/pool.h"
#include "kernels/math/sgd.h"
#include "kernels/math/shortcut.h"
#include "kernels/math/softmax_cross_entropy.h"
#include "kernels/with_type.h"

namespace drift {

CpuBackend::CpuBackend(Stream& stream)
    : stream_(stream),
      threads_(stream.threads()),
      workspace_(stream.device()),
      convolutions_(workspace_),
      linears_(workspace_, threads_),
      normalisations_(workspace_, threads_) {}

void CpuBackend::set_threads() const {
  if (omp_get_max_threads() != threads_) omp_set_num_threads(threads_);
}

void CpuBackend::copy(const TensorView& from, const TensorView& to) {
  std::memcpy(to.data, from.data, from.bytes());
}

void CpuBackend::upload(const void* host, const TensorView& to) {
  std::memcpy(to.data, host, to.bytes());
}

void CpuBackend::download(const TensorView& from, void* host) {
  std::memcpy(host, from.data, from.bytes());
}

void CpuBackend::download_async(const TensorView& from, const HostMemory& to) {
  download(from, to.data());
}

void CpuBackend::fill(const TensorView& y, float value) {
  with_type(y.dtype, [&]<class T>(T) { for_each_packet(threads_, y.elements(), Fill<T>{y.as<T>(), value}); });
}

void CpuBackend::cast(const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class From>(From) {
    with_type(y.dtype, [&]<class To>(To) {
      for_each_packet(threads_, x.elements(), Cast<From, To>{x.as<From>(), y.as<To>()});
    });
  });
}

void CpuBackend::conv2d_forward(const Conv2dForward& args) {
  set_threads();
  convolutions_.forward(args);
}

void CpuBackend::conv2d_backward_data(const Conv2dBackwardData& args) {
  set_threads();
  convolutions_.backward_data(args);
}

void CpuBackend::conv2d_backward_weights(const Conv2dBackwardWeights& args) {
  set_threads();
  convolutions_.backward_weights(args);
}

void CpuBackend::linear_forward(const LinearForward& args) {
  set_threads();
  linears_.forward(args);
}

void CpuBackend::linear_backward(const LinearBackward& args) {
  set_threads();
  linears_.backward(args);
  if (!args.dbias) return;
  const RowSpace space{1, args.dy.shape[0], args.dy.shape[1]};
  const PlainSums<float> sums{args.dy.as<float>(), space.columns};
  auto& totals = workspace_.doubles(space.columns);
  column_sums(threads_, space, sums, workspace_.floats(column_sums_workspace<PlainSums<float>>(space)), totals);
  for_each_total<1>(space, totals, StoreTotal{args.dbias.as<float>()});
}

void CpuBackend::batch_norm_forward(const BatchNormForward& args) {
  normalisations_.forward(args);
}
void CpuBackend::batch_norm_inference(const BatchNormInference& args) {
  normalisations_.inference(args);
}
void CpuBackend::batch_norm_backward(const BatchNormBackward& args) {
  normalisations_.backward(args);
}
void CpuBackend::group_norm_forward(const GroupNormForward& args) {
  normalisations_.forward(args);
}
void CpuBackend::group_norm_backward(const GroupNormBackward& args) {
  normalisations_.backward(args);
}

void CpuBackend::activation_forward(Activation kind, const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    if (kind == Activation::kRelu) {
      for_each_packet(threads_, x.elements(), ReluForward<T>{x.as<T>(), y.as<T>()});
    } else {
      for_each_packet(threads_, x.elements(), SiluForward<T>{x.as<T>(), y.as<T>()});
    }
  });
}

void CpuBackend::activation_backward(Activation kind, const TensorView& saved, const TensorView& dy,
                                     const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    if (kind == Activation::kRelu) {
      for_each_packet(threads_, dy.elements(), ReluBackward<T>{saved.as<T>(), dy.as<T>(), dx.as<T>()});
    } else {
      for_each_packet(threads_, dy.elements(), SiluBackward<T>{saved.as<T>(), dy.as<T>(), dx.as<T>()});
    }
  });
}

void CpuBackend::add(const TensorView& a, const TensorView& b, const TensorView& y) {
  with_type(a.dtype, [&]<class T>(T) {
    for_each_packet(threads_, a.elements(), Add<T>{a.as<T>(), b.as<T>(), y.as<T>()});
  });
}

void CpuBackend::shortcut_forward(std::int64_t stride, const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(stride, x.shape, y.shape);
    for_each_row_packet(threads_, {1, y.shape.rows(), g.out_channels}, ShortcutForward<T>{g, x.as<T>(), y.as<T>()});
  });
}

void CpuBackend::shortcut_backward(std::int64_t stride, const TensorView& dy, const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    const ShortcutGeometry g = ShortcutGeometry::of(stride, dx.shape, dy.shape);
    for_each_row_packet(threads_, {1, dx.shape.rows(), g.in_channels}, ShortcutBackward<T>{g, dy.as<T>(), dx.as<T>()});
  });
}

void CpuBackend::pool_forward(const PoolForward& args) {
  with_type(args.x.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(args.window, args.x.shape, args.y.shape);
    const RowSpace space{1, args.y.shape.rows(), g.columns};
    if (args.pooling == Pooling::kMax) {
      for_each_row_packet(threads_, space,
                          MaxPoolForward<T>{g, args.x.as<T>(), args.y.as<T>(), args.index.as<std::uint8_t>()});
    } else {
      for_each_row_packet(threads_, space, AveragePoolForward<T>{g, args.x.as<T>(), args.y.as<T>()});
    }
  });
}

void CpuBackend::pool_backward(const PoolBackward& args) {
  with_type(args.dy.dtype, [&]<class T>(T) {
    const PoolGeometry g = PoolGeometry::of(args.window, args.dx.shape, args.dy.shape);
    const RowSpace space{1, args.dx.shape.rows(), g.columns};
    const std::uint8_t* index = args.pooling == Pooling::kMax ? args.index.as<std::uint8_t>() : nullptr;
    for_each_row_packet(threads_, space, PoolBackwardGather<T>{g, args.dy.as<T>(), index, args.dx.as<T>()});
  });
}

void CpuBackend::global_average_pool_forward(const TensorView& x, const TensorView& y) {
  with_type(x.dtype, [&]<class T>(T) {
    const RowSpace space{x.shape[0], x.shape[1] * x.shape[2], x.shape[3]};
    auto& totals = workspace_.doubles(space.segments * space.columns);
    column_sums(threads_, space, PlainSums<T>{x.as<T>(), space.columns},
                workspace_.floats(column_sums_workspace<PlainSums<T>>(space)), totals);
    for_each_total<1>(space, totals, StoreMean<T>{y.as<T>(), space.columns, static_cast<double>(space.rows)});
  });
}

void CpuBackend::global_average_pool_backward(const TensorView& dy, const TensorView& dx) {
  with_type(dy.dtype, [&]<class T>(T) {
    const RowSpace space{dx.shape[0], dx.shape[1] * dx.shape[2], dx.shape[3]};
    for_each_row_packet(
        threads_, space,
        GlobalAveragePoolBackward<T>{dy.as<T>(), dx.as<T>(), 1.0f / static_cast<float>(space.rows), space.columns});
  });
}

void CpuBackend::softmax_cross_entropy(const SoftmaxCrossEntropy& args) {
  const std::int64_t rows = args.logits.shape[0], classes = args.logits.shape[1];
  float* row_results = workspace_.floats(3 * rows);
  const SoftmaxCrossEntropyRow row{
      args.logits.as<float>(),        args.labels.as<std::int32_t>(), args.dlogits.as<float>(), row_results, classes,
      1.0f / static_cast<float>(rows)};
  for_each_item(threads_, rows, classes, OnOneLane{row});
  auto& totals = workspace_.doubles(3);
  std::fill(totals.begin(), totals.end(), 0.0);
  for (std::int64_t i = 0; i < 3 * rows; ++i) totals[static_cast<std::size_t>(i % 3)] += row_results[i];
  const SoftmaxCrossEntropyResult result{args.result.as<float>(), static_cast<double>(rows)};
  for_each_total<1>({1, rows, 3}, totals, result);
}

void CpuBackend::sgd_update(const SgdUpdate& args) {
  const SgdStep step{args.lr.as<float>(), args.momentum, args.weight_decay, args.nesterov,
                     args.w.data(),       args.v.data(), args.g.data()};
  for_each_packet(threads_, static_cast<std::int64_t>(args.w.size()), step);
}

void CpuBackend::average(std::span<float* const> replicas, std::int64_t n) {
  const int count = static_cast<int>(replicas.size());
  const float scale = 1.0f / static_cast<float>(count);
  for_each_packet(threads_, n, AverageReplicas<float* const*, 31>{replicas.data(), count, scale});
}

void CpuBackend::augment(const Augment& args) {
  with_type(args.y.dtype, [&]<class T>(T) {
    const Shape& shape = args.images.shape;
    const AugmentSource source{args.images.as<std::uint8_t>(),
                               args.indices.as<std::int32_t>(),
                               args.crops.as<Crop>(),
                               shape[1],
                               shape[2],
                               args.pad,
                               {args.mean[0], args.mean[1], args.mean[2]},
                               {args.std[0], args.std[1], args.std[2]}};
    for_each_item(threads_, args.y.shape[0] * shape[1], shape[2] * 3, AugmentRow<T>{source, args.y.as<T>()});
  });
}

}  // namespace drift
